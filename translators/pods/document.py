"""Writes `docs/pods.md` from the table of fields: `python -m translators.pods.document > docs/pods.md`. A test holds the page against it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from translators.metadata import DENIED_DOMAINS, DENIED_PREFIXES, KEPT_DOMAINS, KEPT_PREFIXES
from translators.pods.fields import TABLE, Rule, Verdict

_WORDS = {
    Verdict.PASS: "passes",
    Verdict.REWRITE: "rewritten",
    Verdict.DROP: "stays behind",
    Verdict.REFUSE: "refused",
}

_PREFACE = """\
# Pods: what becomes of every field

<!-- Written by `python -m translators.pods.document`; change translators/pods/document.py or translators/pods/fields.py instead. -->

A host pod is built from the fields below, never copied and corrected. A field that is not listed does not cross, and the tenant's pod gets
a `SyncFieldDropped` event that names it (a volume of an unknown type is refused: without its source it would be an empty directory). The
list is complete for Kubernetes 1.36; a test holds it against the OpenAPI document.

*passes* crosses unchanged (policy still judges the finished host pod); *rewritten* crosses in another form; *stays behind* is of no use on
the host; *refused* keeps the pod off the host with a `SyncRefused` event.

## When a pod goes to the host

1. The tenant's scheduler has chosen a node (until then the pod is simply Pending), and the node is one that is promoted to this cluster:
   the host has it, `clusterTree` does not exclude it, and the tenant's Node carries our stamp with the host node's uid. A Node that the
   tenant made itself proves nothing.
2. Everything it refers to is there: our copies of its ConfigMaps, Secrets and claims, the Secret with its service-account tokens, the
   workload account. What is missing for longer than a few seconds is named by `SyncWaiting`. A reference crosses only to what we stamped;
   an *optional* object that the tenant does not have passes when nobody on the host holds the name.
3. Policy agrees with the finished pod.

The host pod gets required node affinity on the node's name. The host's scheduler still verifies resources, taints, ports and the confined
(anti-)affinity; if it says no, the tenant sees the reason in `PodScheduled`.

## What a pod knows of itself

* `hostname` is the tenant pod's name (or `spec.hostname`) in all mappings. `hostname -f` gives the FQDN only where host and tenant
  namespace are called the same, because the kubelet builds it from the host namespace; names in DNS
  (`web-0.nginx.default.svc.cluster.local`) are right in any case. With `setHostnameAsFQDN: true` the host name is the tenant's FQDN (at
  most 63 characters, else refused).
* Environment variables from the downward API hold the tenant's values as literals, taken when the host pod is made. Files of a
  `downwardAPI` volume follow changes of the tenant's labels and annotations.
* `KUBERNETES_SERVICE_HOST` and the rest name the tenant's API server. Variables of services are those of the tenant's namespace, unless
  `enableServiceLinks: false`; the pod's own variables and those of `envFrom` go before them.
* DNS is the tenant's service `tenant.dns`, searched as its kubelet would. Without that service: the node's resolver and a
  `MissingClusterDNS` event.
* Tokens are the tenant's: one entry of a Secret for each `serviceAccountToken` source, with the audience asked for and the lifetime asked
  for within ten minutes and a day (an hour if nothing, or 3607 seconds, is asked for), bound to the tenant pod, renewed at 80 % of their
  life.
* The host pod runs under the host account `kled-workload`, which has no rights and no automounted token. An account with an annotation that
  `policy.serviceAccountAnnotations` allows has a shadow on the host, without rights as well, that its pods run under: see ServiceAccounts in
  [kinds](kinds.md).

## Confined (anti-)affinity

Every pod affinity and spreading term requires the labels `kled.io/tenant` and, unless all namespaces are meant, `kled.io/namespace`, which
no tenant can write. `namespaces` and a non-empty `namespaceSelector` become a list of the tenant namespaces meant when the host pod is
made. A term on a label that does not cross, or on a topology that the chosen host node does not have, is left out with an event; the
tenant's scheduler has honoured it. A spreading constraint never counts more than the node the pod is pinned to.

## What follows later changes

| Changed in the tenant | On the host |
|---|---|
| labels, annotations | follow |
| images of containers and init containers | follow |
| resources (in-place resize, also of the pod as a whole) | follow through `resize`; what a LimitRange of the host added stays |
| tolerations | are added; seconds follow |
| `activeDeadlineSeconds` | gets shorter |
| ephemeral containers | are added |
| conditions of the pod's `readinessGates` | follow (a message up to 1 KiB) |

Everything else in a pod is immutable. Status comes up completely, also while the pod goes away: with the tenant's names in its texts,
without containers that the host injected, `observedGeneration` in the tenant's counting. `qosClass`, `nominatedNodeName` and claim statuses
stay the tenant's. The condition `kled.io/Placed` says that the host pod has existed: a pod with it is never started a second time.

Annotations of ours on a host pod, beside the stamp: `kled.io/source-generation` (the tenant's generation the host pod was made from);
`kled.io/tenant-labels`, `kled.io/tenant-annotations` and `kled.io/field-<hash>` (the tenant's values behind files of a `downwardAPI` volume,
only where a volume asks for them).

## Labels and annotations

They keep keys and values, on pods and on all other kinds. Not sent: `kled.io/`, what host infrastructure acts on
(`host.denyLabelPrefixes` and `host.denyAnnotationPrefixes` add to it), both told by an event; and what tools keep for themselves, in
silence. Host-side keys reach the tenant by `host.showLabels` only.

"""


def page() -> str:
    return "\n".join([_PREFACE, *_keys(), *_tables(), ""])


def _keys() -> Iterator[str]:
    yield "Host infrastructure acts on these domains, with all their subdomains:"
    yield ""
    yield from _wrapped(DENIED_DOMAINS)
    yield ""
    yield "and on keys that begin with:"
    yield ""
    yield from _wrapped(DENIED_PREFIXES)
    yield ""
    yield "Tools and control planes keep these for themselves (domains, then beginnings of keys):"
    yield ""
    yield from _wrapped(KEPT_DOMAINS)
    yield ""
    yield from _wrapped(KEPT_PREFIXES)
    yield ""


def _wrapped(words: Iterable[str]) -> list[str]:
    return textwrap.wrap(", ".join(f"`{word}`" for word in sorted(words)), 140, break_long_words=False, break_on_hyphens=False)


def _tables() -> Iterator[str]:
    yield "## Field by field"
    yield ""
    plain: list[str] = []
    for name, rules in TABLE.items():
        if all(rule.verdict is Verdict.PASS for rule in rules.values()):
            plain.append(f"{name} ({', '.join(sorted(rules))})")
        else:
            yield from _table(name, rules)
    yield "### Definitions whose every field passes"
    yield ""
    yield from (f"* {line}" for line in sorted(plain))


def _table(name: str, rules: Mapping[str, Rule]) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield "| Field | | |"
    yield "|---|---|---|"
    for field, rule in sorted(rules.items()):
        told = " (event)" if rule.tell else ""
        yield f"| `{field}` | {_WORDS[rule.verdict]}{told} | {rule.reason} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")

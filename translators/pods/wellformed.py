"""Whether a pod is one at all. An API server admits nothing else, but the tenant's server is the tenant's.

Asked only after a translation has failed: a pod of the wrong shape is refused with the field that is wrong; any other failure is a mistake of ours
and is passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from translators.pods.fields import TABLE

_REQUIRED = {
    "PodSpec": ("containers",),
    "Container": ("name",),
    "EphemeralContainer": ("name",),
    "Volume": ("name",),
    "EnvVar": ("name",),
    "ServiceAccountTokenProjection": ("path",),
}
_LISTS = frozenset(
    {
        *("containers", "initContainers", "ephemeralContainers", "volumes", "tolerations", "imagePullSecrets", "topologySpreadConstraints"),
        *("hostAliases", "readinessGates", "sysctls", "options", "searches", "nameservers"),
        *("env", "envFrom", "ports", "volumeMounts", "volumeDevices", "resizePolicy", "restartPolicyRules", "httpHeaders", "items", "sources"),
        *("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution", "namespaces"),
        *("matchExpressions", "values", "matchLabelKeys", "mismatchLabelKeys"),
    }
)
_MAPS = frozenset({"matchLabels"})
_NUMBERS = frozenset({"expirationSeconds", "activeDeadlineSeconds"})
_TEXTS = frozenset(
    {
        *("name", "key", "image", "fieldPath", "topologyKey", "nodeName", "hostname", "subdomain", "path", "prefix", "claimName", "secretName"),
        *("priorityClassName", "runtimeClassName", "serviceAccountName", "dnsPolicy", "value", "audience", "conditionType", "operator"),
    }
)


def wrong_field(pod: Any) -> str | None:
    """The first field whose value has the wrong shape."""
    meta = pod.get("metadata") if isinstance(pod, Mapping) else None
    if not isinstance(meta, Mapping) or not all(isinstance(meta.get(key), str) for key in ("name", "namespace", "uid")):
        return "metadata"
    for part in ("labels", "annotations"):
        entries = meta.get(part)
        if entries is not None and not (isinstance(entries, Mapping) and all(isinstance(value, str) for value in entries.values())):
            return f"metadata.{part}"
    return next(_wrong(pod.get("spec"), "PodSpec", "spec"), None)


def _wrong(value: Any, name: str, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield path
        return
    for field in _REQUIRED.get(name, ()):
        if value.get(field) is None:
            yield f"{path}.{field}"
    for field, rule in TABLE[name].items():
        item, where = value.get(field), f"{path}.{field}"
        if item is None:
            continue
        if not _fits(field, item, shaped=bool(rule.shape)):
            yield where
        elif rule.shape and isinstance(item, list):
            for index, part in enumerate(item):
                yield from _wrong(part, rule.shape, f"{where}[{index}]")
        elif rule.shape:
            yield from _wrong(item, rule.shape, where)


def _fits(field: str, item: Any, *, shaped: bool) -> bool:
    if field in _LISTS:
        return isinstance(item, list) and (shaped or all(isinstance(part, str) for part in item))
    if field in _MAPS or shaped:
        return isinstance(item, Mapping) and (shaped or all(isinstance(part, str) for part in item.values()))
    if field in _NUMBERS:
        return isinstance(item, int)
    return field not in _TEXTS or isinstance(item, str)

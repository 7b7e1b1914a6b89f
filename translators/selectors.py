"""Label selectors, one translation for services, affinity, spreading, disruption budgets and network policies.

Labels keep keys and values on the host, so a selector does too; what must be added is whom it may meet. Two of our own labels, which no tenant
can write, confine it: `kled.io/tenant` and `kled.io/namespace` (the tenant namespace an object comes from). Equal labels of other tenants, of
other namespaces in a shared host namespace, or of the host's own objects then never match.

A requirement on a label that does not cross can never be met on the host. It is kept, so that a selector never gets wider than it was meant,
and `denied_keys` names it, so that the tenant can be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncer.core.settings import HostSettings
from syncer.core.stamp import NAMESPACE, PREFIX, TENANT
from translators.metadata import label_verdict

LabelSelector = Mapping[str, Any]
NEVER = "kled.io/never"
"""A label that no object carries."""


def confined(selector: Mapping[str, str] | None, tenant: str, namespace: str) -> dict[str, str] | None:
    """A plain map selector (Service, ReplicationController) that matches in one tenant namespace only. None and empty mean "no selector" in
    these kinds (the endpoints are somebody else's) and stay what they are."""
    if not selector:
        return None if selector is None else {}
    return {**_kept(selector), TENANT: tenant, NAMESPACE: namespace}


def confined_labels(selector: LabelSelector | None, tenant: str, namespaces: Sequence[str] | None) -> dict[str, Any] | None:
    """A LabelSelector that matches in these tenant namespaces only; `None` for `namespaces` means all of this tenant.

    A null selector matches nothing and stays null; an empty one matches everything, which becomes everything of those namespaces. With an empty
    list of namespaces nothing can match: the answer is null, too.
    """
    if selector is None or (namespaces is not None and not namespaces):
        return None
    labels: dict[str, str] = {**_kept(selector.get("matchLabels") or {}), TENANT: tenant}
    expressions = list(selector.get("matchExpressions") or ())
    if namespaces is not None and len(namespaces) == 1:
        labels[NAMESPACE] = namespaces[0]
    elif namespaces is not None:
        expressions.append({"key": NAMESPACE, "operator": "In", "values": sorted(namespaces)})
    made: dict[str, Any] = {"matchLabels": labels}
    if expressions:
        made["matchExpressions"] = expressions
    return made


def _kept(labels: Mapping[str, str]) -> Mapping[str, str]:
    """The tenant's requirements. One on a label of ours would be overwritten by ours, so it is replaced by one that nothing meets."""
    if not any(key.startswith(PREFIX) for key in labels):
        return labels
    return {**{key: value for key, value in labels.items() if not key.startswith(PREFIX)}, NEVER: "true"}


def denied_keys(selector: LabelSelector | None, host: HostSettings) -> tuple[str, ...]:
    """The keys a LabelSelector asks for that do not cross."""
    if not selector:
        return ()
    asked: Iterable[str] = (
        *(selector.get("matchLabels") or ()),
        *(item.get("key", "") for item in selector.get("matchExpressions") or ()),
    )
    return tuple(key for key in asked if label_verdict(key, host) is not None)


def denied_in_map(selector: Mapping[str, str] | None, host: HostSettings) -> tuple[str, ...]:
    """The same for a plain map selector."""
    return tuple(key for key in selector or () if label_verdict(key, host) is not None)


def with_label_keys(selector: LabelSelector | None, match: Iterable[str], mismatch: Iterable[str], labels: Mapping[str, str]) -> LabelSelector | None:
    """`matchLabelKeys` and `mismatchLabelKeys` written out as expressions on the pod's own labels.

    The API server does the same when a pod is created and keeps the key lists beside the result; sending both to a second API server would
    merge them twice, which its validation refuses. Hence: written out here if it was not yet, and the lists stay behind.
    """
    if selector is None:
        return None
    added: list[Mapping[str, Any]] = []
    present = selector.get("matchExpressions") or ()
    for keys, operator in ((match, "In"), (mismatch, "NotIn")):
        for key in keys:
            if key in labels:
                expression = {"key": key, "operator": operator, "values": [labels[key]]}
                if expression not in present:
                    added.append(expression)
    return {**selector, "matchExpressions": [*present, *added]} if added else selector

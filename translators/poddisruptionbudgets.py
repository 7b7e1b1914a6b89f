"""PodDisruptionBudgets: a drain on the host respects what the tenant can spare.

The host's disruption controller knows nothing of the tenant's Deployments: our pods have no controller there, so that it cannot tell how many there
should be. A percentage or `maxUnavailable` would come out as "no disruption at all" (it expects 0 pods, and allows nothing then). The tenant's own
controller does know, and has worked it out: `status.desiredHealthy`. So the host always gets a plain `minAvailable`:

* a number in `minAvailable` crosses as it is;
* otherwise it is the tenant's `desiredHealthy`, once that is computed for the present spec, and it follows every change of it (a Deployment that is
  scaled changes it).

The selector is confined to this tenant and namespace; an empty one means every pod of the tenant namespace, and null means none. Both sides have a
disruption controller, and each owns the status on its own side: nothing flows up. What is evicted on the host passes the host's budget; an eviction
in the tenant passes the tenant's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from syncer.core.names import Names
from syncer.core.objects import PODDISRUPTIONBUDGETS as BUDGET_KIND
from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Need, ObjectNeed, Refusal, Translator, View, Wait
from translators.content import unknown, unknown_in
from translators.metadata import down_metadata
from translators.selectors import confined_labels, denied_keys

_FIELDS = ("minAvailable", "maxUnavailable", "selector", "unhealthyPodEvictionPolicy")
_POLICIES = ("IfHealthyBudget", "AlwaysAllow")
_LARGEST = 2**31 - 1


def down(obj: Obj, view: View) -> Answer:
    spec, meta = obj.get("spec") or {}, obj["metadata"]
    made: dict[str, Any] = {}
    found = _min_available(obj, spec)
    if isinstance(found, (Wait, Refusal)):
        return found
    if found is not None:
        made["minAvailable"] = found
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        return Refusal("spec.unhealthyPodEvictionPolicy", "this version does not know the value")
    made["unhealthyPodEvictionPolicy"] = policy
    selector = spec.get("selector")
    made["selector"] = confined_labels(selector, view.settings.tenant.name, (meta["namespace"],))
    labels, annotations, dropped = down_metadata(obj, view)
    lost = [(f"spec.selector[{key}]", "no host pod can carry this label") for key in denied_keys(selector, view.settings.host)]
    lost += unknown_in(spec, _FIELDS, "spec")
    body = {"metadata": {"labels": labels, "annotations": annotations}, "spec": {key: value for key, value in made.items() if value is not None}}
    return Draft(body, (*dropped, *lost, *unknown(obj, ("spec", "status"))))


def _min_available(obj: Obj, spec: Mapping[str, Any]) -> int | Wait | Refusal | None:
    """How many pods must stay; None when the budget does not say (which allows no disruption, here as there)."""
    wanted = spec.get("minAvailable")
    if _is_count(wanted):
        return wanted
    if wanted is None and spec.get("maxUnavailable") is None:
        return None
    status = obj.get("status") or {}
    if (status.get("observedGeneration") or 0) != (obj["metadata"].get("generation") or 0):
        return Wait("the tenant's disruption controller has not worked out how many pods this budget protects", (_itself(obj),))
    desired = status.get("desiredHealthy")
    if not _is_count(desired):
        return Refusal("status.desiredHealthy", "not a number of pods")
    return desired


def _is_count(value: Any) -> TypeGuard[int]:
    return value.__class__ is int and 0 <= value <= _LARGEST


def _itself(obj: Obj) -> ObjectNeed:
    meta = obj["metadata"]
    return ObjectNeed(Side.TENANT, Ref(BUDGET_KIND.plural, meta["namespace"], meta["name"]), wake=True)


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    """Its own status: a change of nothing else would not lead to a new look."""
    return (_itself(obj),)


PODDISRUPTIONBUDGETS = Translator(
    name=BUDGET_KIND.plural,
    source=BUDGET_KIND,
    tenant_owns=tuple(("spec", field) for field in _FIELDS),
    host_owns=(),
    needs=needs,
    down=down,
)

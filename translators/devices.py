"""DeviceClasses and ResourceSlices: the devices of promoted nodes, as far as the tenant's scheduler must know them.

The tenant's scheduler chooses a node for a pod that claims devices, and for that it must see which devices there are (ResourceSlices) and what the
classes mean (DeviceClasses). Shown are the slices of drivers that `policy.deviceDrivers` names, of nodes that are promoted, and the classes that the
sync file names, with their selectors; configuration that a class carries for the driver stays on the host, where it is applied.

Which device a pod gets is decided by the host's scheduler, on the node that the tenant's has chosen: two tenants never get the same one. So the
allocation in the status of the tenant's claim says which node, and not for certain which device of it: the field can be written once, and the
tenant's scheduler has to write it first. A device that another tenant holds looks free here; a pod that was placed for it stays Pending with the
host's reason. Devices that are not bound to one node are not shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncer.core.names import Names
from syncer.core.objects import DEVICECLASSES as DEVICECLASS_KIND
from syncer.core.objects import NODES, Obj, Ref, Side
from syncer.core.objects import RESOURCESLICES as SLICE_KIND
from syncer.core.settings import Settings
from syncer.core.stamp import SOURCE_UID, is_from_host
from syncer.core.translator import Answer, Draft, Life, Need, ObjectNeed, Skip, Translator, View
from translators.classes import host_class

_SLICE = ("driver", "pool", "nodeName", "devices", "sharedCounters")


def asked_for(settings: Settings) -> bool:
    return settings.policy.device_drivers is not None


# --- classes

_SHOWN = host_class(DEVICECLASS_KIND, (), optional=True)


def class_up(host: Obj, view: View) -> Answer:
    assert _SHOWN.up is not None
    answer = _SHOWN.up(host, view)
    if not isinstance(answer, Draft):
        return answer
    return Draft({**answer.body, "spec": {"selectors": (host.get("spec") or {}).get("selectors") or []}})


DEVICECLASSES = replace(_SHOWN, up=class_up, host_owns=(("spec", "selectors"),), asked_for=asked_for)


# --- slices


def slice_needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    node = (obj.get("spec") or {}).get("nodeName")
    return tuple(ObjectNeed(side, Ref(NODES.plural, "", node), wake=True) for side in Side) if node else ()


def slice_up(host: Obj, view: View) -> Answer:
    spec = host.get("spec") or {}
    if spec.get("driver") not in (view.settings.policy.device_drivers or ()):
        return Skip("its driver is not among policy.deviceDrivers")
    if not spec.get("nodeName"):
        return Skip("its devices are not bound to one node")
    found = {need.side: view.get(need) for need in slice_needs(host, view.names, view.settings) if isinstance(need, ObjectNeed)}
    if not _is_promoted(found[Side.HOST], found[Side.TENANT]):
        return Skip("its node is not promoted")
    return Draft({"metadata": {"labels": {}, "annotations": {}}, "spec": {key: spec[key] for key in _SLICE if key in spec}})


def _is_promoted(host: Obj | None, tenant: Obj | None) -> bool:
    """Whether the tenant's Node is our picture of this host node."""
    if host is None or tenant is None:
        return False
    meta = tenant["metadata"]
    ours = is_from_host(meta.get("labels"))
    return ours and (meta.get("annotations") or {}).get(SOURCE_UID) == host["metadata"]["uid"]


RESOURCESLICES = Translator(
    name=SLICE_KIND.plural,
    source=SLICE_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=tuple(("spec", field) for field in _SLICE),
    recreate_on=(("spec", "driver"), ("spec", "nodeName")),
    needs=slice_needs,
    up=slice_up,
    reads=((Side.HOST, NODES), (Side.TENANT, NODES)),
    asked_for=asked_for,
    optional=True,
)

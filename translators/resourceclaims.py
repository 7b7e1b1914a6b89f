"""ResourceClaims: devices that pods of the tenant claim on the host (dynamic resource allocation).

A claim goes to the host while a pod uses it, those that the tenant's controller makes of a ResourceClaimTemplate as well (templates themselves stay
in the tenant: their work is done there). On the host it is a claim of its own, allocated by the host's scheduler when the pod comes; see
`deviceclasses` for what that means for the status, which each side keeps for itself.

* every request names a DeviceClass that is offered to this tenant, or the claim is refused;
* `adminAccess`, which reaches devices in use by others, is refused;
* configuration for a driver passes if the driver is among `policy.deviceDrivers`, else the claim is refused;
* tolerations of device taints stay behind: the host's administrator has tainted these devices.

The spec of a claim cannot change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import DEVICECLASSES, Obj
from syncer.core.objects import RESOURCECLAIMS as CLAIM_KIND
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Need, Refusal, Translator, View
from translators.classes import class_need, is_shown
from translators.content import unknown, unknown_in
from translators.devices import asked_for
from translators.metadata import down_metadata

_REQUEST = ("deviceClassName", "selectors", "allocationMode", "count", "capacity")
_CONSTRAINT = ("requests", "matchAttribute", "distinctAttribute")
_DEVICES = ("requests", "constraints", "config")


class _Refused(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(field, message)


def down(obj: Obj, view: View) -> Answer:
    dropped: list[tuple[str, str]] = []
    try:
        devices = _devices((obj.get("spec") or {}).get("devices") or {}, view, dropped)
    except _Refused as refused:
        return refused.refusal
    labels, annotations, stayed = down_metadata(obj, view)
    dropped += unknown_in(obj.get("spec"), ("devices",), "spec")
    body = {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"devices": devices}}
    return Draft(body, (*stayed, *dropped, *unknown(obj, ("spec", "status"))))


def _devices(devices: Mapping[str, Any], view: View, dropped: list[tuple[str, str]]) -> dict[str, Any]:
    where = "spec.devices"
    made: dict[str, Any] = {}
    if requests := devices.get("requests"):
        made["requests"] = [_request(request, f"{where}.requests[{index}]", view, dropped) for index, request in enumerate(requests)]
    if constraints := devices.get("constraints"):
        made["constraints"] = [_kept(item, _CONSTRAINT, f"{where}.constraints[{index}]", dropped) for index, item in enumerate(constraints)]
    if config := devices.get("config"):
        made["config"] = [_config(item, f"{where}.config[{index}]", view) for index, item in enumerate(config)]
    dropped += unknown_in(devices, _DEVICES, where)
    return made


def _request(request: Mapping[str, Any], where: str, view: View, dropped: list[tuple[str, str]]) -> dict[str, Any]:
    """Exactly one of `exactly` and `firstAvailable`, as the API has it."""
    made: dict[str, Any] = {"name": request.get("name")}
    if exactly := request.get("exactly"):
        made["exactly"] = _wish(exactly, f"{where}.exactly", view, dropped)
    if wishes := request.get("firstAvailable"):
        made["firstAvailable"] = [
            {"name": wish.get("name"), **_wish(wish, f"{where}.firstAvailable[{index}]", view, dropped)} for index, wish in enumerate(wishes)
        ]
    dropped += unknown_in(request, ("name", "exactly", "firstAvailable"), where)
    return made


def _wish(wish: Mapping[str, Any], where: str, view: View, dropped: list[tuple[str, str]]) -> dict[str, Any]:
    if wish.get("adminAccess"):
        raise _Refused(f"{where}.adminAccess", "devices in use by others are the host's; remove it")
    name = wish.get("deviceClassName") or ""
    if not is_shown(view.get(class_need(DEVICECLASSES, name)), view.settings, DEVICECLASSES.plural):
        raise _Refused(f"{where}.deviceClassName", f"the host offers no DeviceClass {name!r} to this tenant")
    if wish.get("tolerations"):
        dropped.append((f"{where}.tolerations", "taints of devices are the host administrator's"))
    return _kept(wish, _REQUEST, where, dropped, ("name", "adminAccess", "tolerations"))


def _config(item: Mapping[str, Any], where: str, view: View) -> dict[str, Any]:
    opaque = item.get("opaque") or {}
    driver = opaque.get("driver")
    if driver not in (view.settings.policy.device_drivers or ()):
        raise _Refused(f"{where}.opaque.driver", f"{driver!r} is not among policy.deviceDrivers")
    made = {"requests": item.get("requests"), "opaque": {"driver": driver, "parameters": opaque.get("parameters")}}
    return {key: value for key, value in made.items() if value is not None}


def _kept(item: Mapping[str, Any], known: Iterable[str], where: str, dropped: list[tuple[str, str]], more: Iterable[str] = ()) -> dict[str, Any]:
    dropped += unknown_in(item, (*known, *more), where)
    return {key: item[key] for key in known if item.get(key) is not None}


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    """The host's classes that it names."""
    return tuple(class_need(DEVICECLASSES, name) for name in dict.fromkeys(_classes(obj)))


def _classes(obj: Obj) -> Iterator[str]:
    for request in ((obj.get("spec") or {}).get("devices") or {}).get("requests") or ():
        for wish in (request.get("exactly"), *(request.get("firstAvailable") or ())):
            if wish:
                yield wish.get("deviceClassName") or ""


RESOURCECLAIMS = Translator(
    name=CLAIM_KIND.plural,
    source=CLAIM_KIND,
    tenant_owns=(("spec",),),
    host_owns=(),
    recreate_on=(("spec",),),
    only_if_needed=True,
    needs=needs,
    down=down,
    asked_for=asked_for,
    optional=True,
)

"""What a package might bring."""

from __future__ import annotations

from syncer.core.objects import Resource
from syncer.core.translator import Draft, Life, Translator

GEARS = Translator(
    name="gears",
    source=Resource("example.com", "v1", "gears", "Gear"),
    tenant_owns=(("spec",),),
    down=lambda obj, view: Draft({"spec": obj.get("spec")}),
    up=lambda obj, view: Draft({"status": obj.get("status")}),
)
KNOBS = Translator(
    name="knobs",
    source=Resource("example.com", "v1", "knobs", "Knob", namespaced=False),
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=(("spec",),),
    up=lambda obj, view: Draft({"spec": obj.get("spec")}),
)
BOTH = (GEARS, KNOBS)
NEITHER: dict[str, str] = {}
EMPTY: tuple[Translator, ...] = ()

"""VolumeAttributesClasses: those of the host that a tenant's claims may name. Which are shown is said by `sync.resources[].names` and `selector`.

Their parameters stay on the host. The API wants at least one, so a class is shown with one that says so and means nothing: nobody in the tenant
reads it."""

from __future__ import annotations

from dataclasses import replace

from syncer.core.objects import VOLUMEATTRIBUTESCLASSES as CLASS_KIND
from syncer.core.objects import Obj
from syncer.core.translator import Answer, Draft, View
from translators.classes import host_class

HIDDEN = {"parameters": "hidden"}
_PLAIN = host_class(CLASS_KIND, ("driverName",), immutable=("driverName",), optional=True)


def up(host: Obj, view: View) -> Answer:
    assert _PLAIN.up is not None
    answer = _PLAIN.up(host, view)
    return replace(answer, body={**answer.body, "parameters": HIDDEN}) if isinstance(answer, Draft) else answer


VOLUMEATTRIBUTESCLASSES = replace(_PLAIN, up=up)

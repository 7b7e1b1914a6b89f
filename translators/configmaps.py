"""ConfigMaps: content down, nothing up. An edit on the host is taken back."""

from __future__ import annotations

from syncer.core.objects import CONFIGMAPS as CONFIGMAP_KIND
from syncer.core.objects import Obj
from syncer.core.translator import Answer, Draft, Translator, View
from translators.content import sealed, taken, unknown, without_our_marks
from translators.metadata import down_metadata

CONTENT = ("data", "binaryData", "immutable")


def down(obj: Obj, view: View) -> Answer:
    labels, annotations, dropped = down_metadata(without_our_marks(obj), view)
    return Draft({"metadata": {"labels": labels, "annotations": annotations}, **taken(obj, CONTENT)}, (*dropped, *unknown(obj, CONTENT)))


CONFIGMAPS = Translator(
    name="configmaps",
    source=CONFIGMAP_KIND,
    tenant_owns=tuple((field,) for field in CONTENT),
    host_owns=(),
    only_if_needed=True,
    down=down,
    must_recreate=sealed(CONTENT),
)

"""Tiny translators and cases for the tests of `decide`, and a plan told in a few words."""

from collections.abc import Sequence
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.actions import Action, Create, Delete, Event, Patch, Recreate, Refuse, Waiting
from syncer.core.decide import Case
from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, PODS, Ref, Side
from syncer.core.settings import HostSettings, NamespaceMapping, Settings, TenantSettings
from syncer.core.translator import Answer, Draft, Life, Translator
from syncer.testing import FakeView

SETTINGS = Settings(
    tenant=TenantSettings(name="acme"), host=HostSettings(namespace="kled-acme"), mapping=NamespaceMapping(table={"web": "acme-web"}), kinds={}
)
NAMES = Names("acme", SETTINGS.mapping)
RESOURCE = {Life.SHARED_FATE: PODS, Life.TENANT_LEADS: CONFIGMAPS, Life.HOST_LEADS: CONFIGMAPS}
FORWARD = {"a": "1"}
"""What the draft of the leading side says under `data`; status flows back."""


def translator(life: Life, answer: Answer, shown: Answer | None = None, **more: Any) -> Translator:
    """One that answers the same to everything: `answer` from the leading side, `shown` back."""

    def forth(obj: Any, view: Any) -> Answer:
        return answer

    def back(obj: Any, view: Any) -> Answer:
        return shown if shown is not None else Draft({"status": {"seen": "yes"}})

    down, up = (back, forth) if life is Life.HOST_LEADS else (forth, back)
    owns: dict[str, Any] = {"tenant_owns": (("data",),), "host_owns": (("status",),)}
    if life is Life.HOST_LEADS:
        owns = {"tenant_owns": (("status",),), "host_owns": (("data",),)}
    kind = RESOURCE[life]
    return Translator(**{"name": kind.plural, "source": kind, "life": life, "down": down, "up": up, "grace_period": kind is PODS, **owns, **more})


def draft(data: dict[str, Any] | None = None, **more: Any) -> Draft:
    return Draft({"data": FORWARD if data is None else data, "metadata": {"labels": {"app": "x"}}}, **more)


def source(life: Life, state: str, **more: Any) -> dict[str, Any] | None:
    if state == "gone":
        return None
    namespace = "acme-web" if life is Life.HOST_LEADS else "web"
    meta: dict[str, Any] = {"namespace": namespace, "name": "a", "uid": "source-1", "resourceVersion": "10"}
    if state == "leaving":
        meta |= {"deletionTimestamp": "2030-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
    return {"metadata": meta, **more}


def target(life: Life, state: str, **more: Any) -> dict[str, Any] | None:
    """`ours`, `other uid`, `foreign`, and either of the first two `leaving`."""
    if state == "none":
        return None
    uid = "source-0" if "other uid" in state else "source-1"
    namespace = "web" if life is Life.HOST_LEADS else "acme-web"
    labels, annotations = {"app": "x"}, {stamps.KEYS: "l:app"}
    if life is Life.HOST_LEADS:
        labels[stamps.MANAGED_BY] = stamps.MANAGER
        annotations[stamps.SOURCE_UID] = uid
    else:
        stamp = stamps.Stamp("acme", RESOURCE[life].plural, "web", "a", uid)
        labels |= stamps.labels(stamp)
        annotations |= stamps.annotations(stamp)
    if state == "foreign":
        labels, annotations = {"app": "x"}, {}
    meta: dict[str, Any] = {"namespace": namespace, "name": "a", "uid": "target-1", "resourceVersion": "20"}
    meta |= {"labels": labels, "annotations": annotations}
    if "leaving" in state:
        meta |= {"deletionTimestamp": "2030-01-01T00:00:00Z", "deletionGracePeriodSeconds": 20}
    return {"metadata": meta, "data": FORWARD, **more}


def case(made: Translator, source: dict[str, Any] | None, target: dict[str, Any] | None, **more: Any) -> Case:
    plural = made.source.plural
    tenant, host = Ref(plural, "web", "a"), Ref(plural, "acme-web", "a")
    source_ref, target_ref = (host, tenant) if made.life is Life.HOST_LEADS else (tenant, host)
    view = FakeView(SETTINGS, names=NAMES, counterpart=target)
    fields = {"translator": made, "source_ref": source_ref, "target_ref": target_ref, "source": source, "target": target, "view": view}
    return Case(**{**fields, **more})


def told(plan: Sequence[Action], leading: Side = Side.TENANT) -> list[str]:
    """Each action in a few words, with `source` and `target` for the sides."""

    def side(which: Side) -> str:
        return "source" if which is leading else "target"

    words = []
    for action in plan:
        match action:
            case Create():
                words.append(f"create {side(action.side)}")
            case Patch():
                words.append(f"patch {side(action.side)}")
            case Delete():
                grace = "" if action.grace is None else f" in {action.grace}"
                words.append(f"delete {side(action.side)}{grace}{' (inferred)' if action.inferred else ''}")
            case Recreate():
                words.append(f"recreate {side(action.side)}")
            case Refuse():
                words.append("conflict" if action.conflict else f"refuse {action.field}")
            case Waiting():
                words.append("wait" if action.reason else "wait quietly")
            case Event():
                words.append(f"event {action.reason}")
    return words

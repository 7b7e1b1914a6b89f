"""Cases written down in YAML: what is on the two sides, and the plan that follows.

A case file is a list; each entry has a `title`, the `source` object (of the leading side), perhaps the `target`, further objects by side and
plural, `settings`, and `plan`: the actions as short mappings. A target is written without its stamp (it gets one), unless `foreign: true`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from syncer.core import actions
from syncer.core import stamp as stamps
from syncer.core.actions import Action
from syncer.core.decide import Case, decide
from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import (
    HostSettings,
    KindSettings,
    NamespaceMapping,
    NetworkSettings,
    NodeSettings,
    PolicySettings,
    Selector,
    Settings,
    TenantSettings,
)
from syncer.core.translator import Translator
from syncer.testing.view import FakeView, names_for
from translators.catalog import BUILTIN

CASES = Path(__file__).parent / "cases"
UID = "11111111-1111-4111-8111-111111111111"
STAMP = frozenset({stamps.TENANT, stamps.TRANSLATOR, stamps.NAMESPACE, stamps.SOURCE_NAMESPACE, stamps.SOURCE_NAME, stamps.SOURCE_UID, stamps.SCHEMA})
MARKS = STAMP | {stamps.KEYS, stamps.MANAGED_BY}
BY_NAME = {translator.name: translator for translator in BUILTIN}

Document = Mapping[str, Any]


def documents() -> Iterator[tuple[str, Document]]:
    """Every case, under a readable name."""
    for file in sorted(CASES.glob("*/*.yaml")):
        for document in yaml.safe_load(file.read_text()):
            yield f"{file.parent.name}: {document['title']}", {"kind": file.parent.name, **document}


def settings_of(document: Document) -> Settings:
    """Settings as a case names them, by their Python names."""
    told = document.get("settings") or {}
    nodes = dict(told.get("nodes") or {})
    if "selector" in nodes:
        nodes["selector"] = Selector(match_labels=nodes["selector"])
    if "names" in nodes:
        nodes["names"] = tuple(nodes["names"])
    return Settings(
        tenant=TenantSettings(
            name="acme", service_cidr=tuple(told.get("service_cidr") or ()), api_server=tuple(map(tuple, told.get("api_server") or ()))
        ),
        host=HostSettings(namespace="kled-acme", show_labels=tuple(told.get("show_labels") or ())),
        mapping=NamespaceMapping(**told.get("mapping", {"pattern": "acme-{namespace}"})),
        kinds={name: _kind(name, options) for name, options in (told.get("kinds") or {}).items()},
        policy=PolicySettings(**{key: tuple(value) if isinstance(value, list) else value for key, value in (told.get("policy") or {}).items()}),
        nodes=NodeSettings(**nodes),
        network=NetworkSettings(**{key: tuple(map(tuple, value)) for key, value in (told.get("network") or {}).items()}),
    )


def _kind(name: str, options: Document | None) -> KindSettings:
    return KindSettings(name=name, **{key: tuple(value) if isinstance(value, list) else value for key, value in (options or {}).items()})


def case_of(document: Document) -> Case:
    translator, settings = BY_NAME[document["kind"]], settings_of(document)
    source = _identified(document["source"])
    side, meta = translator.leading, source["metadata"]
    others = {each: dict((document.get("others") or {}).get(each.value) or {}) for each in Side}
    for each, kinds in others.items():
        others[each] = {plural: [_other(each, plural, obj) for obj in objects] for plural, objects in kinds.items()}
    others[side].setdefault(translator.source.plural, []).append(source)
    view = FakeView(settings, tenant=others[Side.TENANT], host=others[Side.HOST])
    where = _target_place(translator, source, view)
    target = document.get("target")
    if target is not None:
        target = _target(translator, target, source, where, foreign=bool(document.get("foreign")))
        others[side.other].setdefault(translator.destination.plural, []).append(target)
        view = FakeView(settings, tenant=others[Side.TENANT], host=others[Side.HOST], counterpart=target)
    refs = Ref(translator.source.plural, meta.get("namespace", ""), meta["name"]), Ref(translator.destination.plural, *where)
    gone = bool(document.get("gone"))
    return Case(
        translator=translator,
        source_ref=refs[0],
        target_ref=refs[1],
        source=None if gone else source,
        target=target,
        view=view,
        wanted=document.get("wanted", True),
        proven=gone,
    )


def stamped(obj: Obj, translator: str, source: Obj, side: Side = Side.HOST) -> dict[str, Any]:
    """`obj` as we would have made it for `source` on this side; keys of the tenant that are on it are recorded as written by us."""
    meta, mine = obj["metadata"], source["metadata"]
    labels, annotations = dict(meta.get("labels") or {}), dict(meta.get("annotations") or {})
    keys = (
        stamps.written_keys((key for key in labels if key not in MARKS), (key for key in annotations if key not in MARKS))
        if stamps.KEYS not in annotations
        else ""
    )
    if side is Side.HOST:
        stamp = stamps.Stamp("acme", translator, mine.get("namespace", ""), mine["name"], mine["uid"])
        labels, annotations = {**stamps.labels(stamp), **labels}, {**stamps.annotations(stamp), **annotations}
    else:
        labels.setdefault(stamps.MANAGED_BY, stamps.MANAGER)
        annotations.setdefault(stamps.SOURCE_UID, mine["uid"])
    if keys:
        annotations[stamps.KEYS] = keys
    return {**obj, "metadata": {**meta, "labels": labels, "annotations": annotations}}


def _identified(obj: Obj, uid: str = UID) -> dict[str, Any]:
    return {**obj, "metadata": {"uid": uid, "resourceVersion": "1", **obj["metadata"]}}


def _other(side: Side, plural: str, obj: Obj) -> dict[str, Any]:
    """A further object; one that says `of` is our copy of that tenant object."""
    found = _identified(obj, f"uid-of-{obj['metadata']['name']}")
    if "of" not in obj:
        return found
    namespace, name = obj["of"].split("/")
    made = stamped(found, plural, {"metadata": {"namespace": namespace, "name": name, "uid": f"uid-of-{name}"}}, side)
    return {key: value for key, value in made.items() if key != "of"}


def _target_place(translator: Translator, source: Obj, view: FakeView) -> tuple[str, str]:
    meta, names = source["metadata"], names_for(view.settings)
    if translator.target_from is not None:
        found = translator.target_from(source, view)
        return found if isinstance(found, tuple) else ("", "")
    if translator.target_name is not None:
        return translator.target_name(names, meta.get("namespace", ""), meta["name"]) or ("", "")
    if not meta.get("namespace"):
        return "", names.name(translator.destination, "", meta["name"]) if translator.leading is Side.TENANT else meta["name"]
    return names.namespace(meta["namespace"]) or "", names.name(translator.destination, meta["namespace"], meta["name"])


def _target(translator: Translator, target: Obj, source: Obj, where: tuple[str, str], *, foreign: bool) -> dict[str, Any]:
    place = {"namespace": where[0], "name": where[1]} if where[0] else {"name": where[1]}
    obj = _identified({**target, "metadata": {**place, **(target.get("metadata") or {})}}, "22222222-2222-4222-8222-222222222222")
    return obj if foreign else stamped(obj, translator.name, source, translator.leading.other)


def shown(plan: tuple[Action, ...]) -> list[dict[str, Any]]:
    """A plan as the case files write it."""
    return [_shown(action) for action in plan]


def _shown(action: Action) -> dict[str, Any]:
    match action:
        case actions.Create():
            return {"create": bare(action.body), "side": action.side.value}
        case actions.Recreate():
            return {"recreate": bare(action.body), "side": action.side.value}
        case actions.Patch():
            side = f"{action.side.value}/{action.subresource}" if action.subresource else action.side.value
            return {"patch": action.patch, "side": side}
        case actions.Delete():
            return {"delete": str(action.ref), "side": action.side.value}
        case actions.Refuse(conflict=True):
            return {"conflict": str(action.ref)}
        case actions.Refuse():
            return {"refuse": action.message, "field": action.field}
        case actions.Event():
            return {"event": action.reason, "message": action.message}
        case actions.Waiting():
            return {"wait": action.reason}


def bare(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without what every object gets: kind, stamp, and empty maps."""
    meta = dict(body["metadata"])
    for field in ("labels", "annotations"):
        kept = {key: value for key, value in (meta.pop(field, None) or {}).items() if key not in MARKS}
        if kept:
            meta[field] = kept
    rest = {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata")}
    return {"metadata": meta, **rest}


def planned(document: Document) -> list[dict[str, Any]]:
    return shown(decide(case_of(document)))

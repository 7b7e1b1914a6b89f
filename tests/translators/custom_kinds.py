"""Declarations of custom kinds for tests, and the world around them."""

from __future__ import annotations

from typing import Any

from syncer.core.fieldpaths import parse
from syncer.core.objects import Ref, Side
from syncer.core.settings import CustomKind, KindSettings, ReferencePath, SelectorPath, Settings
from syncer.core.translator import Translator
from syncer.testing import FakeView, settings_for, stamped
from translators.catalog import catalog

WIDGETS = CustomKind(
    name="widgets.example.com",
    version="v1",
    kind="Widget",
    references=(
        ReferencePath(path=parse("spec.secretName"), kind="secrets"),
        ReferencePath(path=parse("spec.outputs[*].secretRef"), kind="secrets", optional=True),
        ReferencePath(path=parse("spec.parts"), kind="parts.example.com"),
        ReferencePath(
            path=parse("spec.sourceRef.name"),
            kind_path=parse("spec.sourceRef.kind"),
            kinds={"ConfigMap": "configmaps", "Part": "parts.example.com"},
            namespace_path=parse("spec.sourceRef.namespace"),
        ),
        ReferencePath(path=parse("status.partRef.name"), kind="parts.example.com"),
    ),
    selectors=(SelectorPath(path=parse("spec.selector")), SelectorPath(path=parse("spec.plainSelector"), form="map")),
    pass_namespaces=(parse("spec.values.namespace"),),
)
PARTS = CustomKind(name="parts.example.com", version="v1", kind="Part")
GRIDS = CustomKind(name="grids.example.com", version="v1", kind="Grid", namespaced=False)
SHADES = CustomKind(name="shades.example.com", version="v1", kind="Shade", namespaced=False)
TOKENS = CustomKind(name="tokens.example.com", version="v1", kind="Token")
ALL = (WIDGETS, PARTS, GRIDS, SHADES, TOKENS)


def settings_with(*kinds: CustomKind, more: dict[str, KindSettings] | None = None, **sections: Any) -> Settings:
    """Settings in which these are declared; configmaps, secrets, namespaces and pods are on."""
    on = {name: KindSettings(name=name) for name in ("configmaps", "secrets", "namespaces", "pods", *(kind.name for kind in kinds))}
    return settings_for(kinds={**on, **(more or {})}, custom=kinds, **sections)


def records(settings: Settings) -> dict[str, Translator]:
    return dict(catalog(settings).by_name)


def record(kind: CustomKind, settings: Settings | None = None) -> Translator:
    return records(settings or settings_with(*ALL))[kind.name]


def thing(name: str = "one", namespace: str = "web", /, *, meta: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"metadata": {"name": name, "uid": f"uid-of-{namespace}-{name}", "resourceVersion": "1", **place, **(meta or {})}, **fields}


def copy_of(plural: str, namespace: str, name: str, on_host: str = "", **fields: Any) -> dict[str, Any]:
    """Our stamped copy on the host of a tenant object."""
    obj = thing(name, on_host or f"acme-{namespace}", **fields)
    return stamped(obj, tenant="acme", translator=plural, source=Ref(plural, namespace, name))


def view_of(settings: Settings, *, tenant: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **more: Any) -> FakeView:
    return FakeView(settings, tenant=tenant or {}, host=host or {}, **more)


SIDES = Side

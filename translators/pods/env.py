"""Environment variables of a container.

The user's order stays, `$(VAR)` and `$$(VAR)` stay. Service variables come first, where references find them, and step back behind the user's names
and behind what `envFrom` brings, as with the kubelet (makeEnvironmentVariables), for which they are the last resort.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncer.core.objects import CONFIGMAPS, SECRETS, Ref, Resource
from translators.pods.downward import literal, passes, value_of
from translators.pods.links import Variables
from translators.pods.refs import demand
from translators.pods.shapes import SHAPES
from translators.pods.work import Work

_KEY_REFS: tuple[tuple[str, Resource, str], ...] = (
    ("configMapKeyRef", CONFIGMAPS, "ConfigMapKeySelector"),
    ("secretKeyRef", SECRETS, "SecretKeySelector"),
)
_FROM: tuple[tuple[str, Resource, str], ...] = (
    ("configMapRef", CONFIGMAPS, "ConfigMapEnvSource"),
    ("secretRef", SECRETS, "SecretEnvSource"),
)


def environment(work: Work, container: Mapping[str, Any], services: Variables, path: str) -> list[Mapping[str, Any]]:
    """The `env` of the host container."""
    own = container.get("env") or ()
    made = [variable(work, item, f"{path}.env[{index}]") for index, item in enumerate(own)]
    sources = container.get("envFrom")
    if own or sources:
        services = _visible(services, own, _brought(work, sources) if sources else frozenset())
    return [*services, *(item for item in made if item is not None)]


def sources(work: Work, container: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    """The `envFrom` of the host container."""
    made: list[Mapping[str, Any]] = []
    for index, source in enumerate(container.get("envFrom") or ()):
        where = f"{path}.envFrom[{index}]"
        entry = dict(SHAPES["EnvFromSource"].clean(work, source, where))
        for field, resource, shape in _FROM:
            reference = source.get(field)
            if reference is not None:
                entry[field] = _translated(work, reference, resource, shape, f"{where}.{field}")
        made.append(entry)
    return made


def variable(work: Work, item: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """One variable; None when nothing of it can cross."""
    source = item.get("valueFrom")
    if source is None:
        return SHAPES["EnvVar"].clean(work, item, path)
    field = source.get("fieldRef")
    if field is not None:
        return _field(work, item, str(field.get("fieldPath", "")), path)
    made = dict(SHAPES["EnvVarSource"].clean(work, source, f"{path}.valueFrom"))
    for name, resource, shape in _KEY_REFS:
        reference = source.get(name)
        if reference is not None:
            made[name] = _translated(work, reference, resource, shape, f"{path}.valueFrom.{name}")
    return {"name": item["name"], "valueFrom": made} if made else None


def _field(work: Work, item: Mapping[str, Any], path: str, where: str) -> Mapping[str, Any] | None:
    if passes(path):
        return {"name": item["name"], "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
    value = value_of(work, path)
    if value is None:
        work.drop(f"{where}.valueFrom.fieldRef.fieldPath", "no such field in the downward API of this version")
        return None
    return {"name": item["name"], "value": literal(value)}


def _translated(work: Work, reference: Mapping[str, Any], resource: Resource, shape: str, path: str) -> dict[str, Any]:
    made = dict(SHAPES[shape].clean(work, reference, path))
    if reference.get("name"):
        made["name"] = work.reference(resource, reference["name"], optional=bool(reference.get("optional")))
    return made


def _visible(services: Variables, own: Sequence[Mapping[str, Any]], brought: frozenset[str]) -> Variables:
    """The service variables that the user's do not hide. One that is hidden by name stays when a value before it refers to it."""
    hidden = {item.get("name") for item in own} | brought
    if hidden.isdisjoint(item["name"] for item in services):
        return services
    return tuple(item for item in services if item["name"] not in hidden or _referred(item["name"], own))


def _referred(name: str, own: Iterable[Mapping[str, Any]]) -> bool:
    marker = f"$({name})"
    for item in own:
        if marker in (item.get("value") or ""):
            return True
        if item.get("name") == name:
            return False
    return False


def _brought(work: Work, envs: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names that `envFrom` will define, as far as the tenant's objects are known now."""
    found: set[str] = set()
    for source in envs:
        prefix = source.get("prefix") or ""
        for field, resource, _ in _FROM:
            name = (source.get(field) or {}).get("name")
            if name:
                held = work.view.get(demand(Ref(resource.plural, work.namespace, name)))
                found.update(prefix + key for key in (held or {}).get("data") or ())
    return frozenset(found)

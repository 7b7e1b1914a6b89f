"""The parts of a pod that checks look at, read once.

A pod may come from a hostile server, so nothing is taken for granted: what has the wrong type is reported as malformed and then treated as
absent. A JSON null is an absent field, as it is to the API server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from syncer.policy.findings import MALFORMED, Findings

Tree = Mapping[str, Any]

NOTHING: Tree = {}

_CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


class Container(NamedTuple):
    """One container of any of the three lists. `security` is its security context, empty when it has none."""

    where: str
    body: Tree
    security: Tree


class Pod(NamedTuple):
    """A pod taken apart. `user_namespace` is true for `hostUsers: false`, for which upstream relaxes some checks."""

    spec: Tree
    annotations: Tree
    security: Tree
    containers: tuple[Container, ...]
    windows: bool
    user_namespace: bool


def read_pod(pod: object, found: Findings) -> Pod | None:
    """The parts of a pod; None when it has no spec that could be judged (which is reported)."""
    if not isinstance(pod, Mapping):
        found.malformed("pod", pod, "an object")
        return None
    spec = section(pod, "spec", "", found)
    if spec is None:
        found.require("spec", "a pod needs a spec", MALFORMED)
        return None
    metadata = section(pod, "metadata", "", found) or NOTHING
    return Pod(
        spec=spec,
        annotations=section(metadata, "annotations", "metadata", found) or NOTHING,
        security=section(spec, "securityContext", "spec", found) or NOTHING,
        containers=_containers(spec, found),
        windows=_is_windows(spec, found),
        user_namespace=_has_user_namespace(spec, found),
    )


def section(parent: Tree, key: str, where: str, found: Findings) -> Tree | None:
    """The object under a key, None when it is absent."""
    value = parent.get(key)
    if value is None or isinstance(value, dict):
        return value
    return _other_section(value, f"{where}.{key}" if where else key, found)


def items(parent: Tree, key: str, where: str, found: Findings) -> Sequence[Any]:
    """The list under a key, empty when it is absent."""
    value = parent.get(key)
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return value
    found.malformed(f"{where}.{key}", value, "a list")
    return ()


def objects(parent: Tree, key: str, where: str, found: Findings) -> list[tuple[str, Tree]]:
    """The objects of the list under a key, each with its path."""
    if parent.get(key) is None:
        return []
    result: list[tuple[str, Tree]] = []
    for index, value in enumerate(items(parent, key, where, found)):
        at = f"{where}.{key}[{index}]"
        if isinstance(value, Mapping):
            result.append((at, value))
        else:
            found.malformed(at, value, "an object")
    return result


def _is_windows(spec: Tree, found: Findings) -> bool:
    system = section(spec, "os", "spec", found)
    name = system.get("name") if system else None
    if name is not None and not isinstance(name, str):
        found.malformed("spec.os.name", name, "a text")
    return name == "windows"


def _has_user_namespace(spec: Tree, found: Findings) -> bool:
    value = spec.get("hostUsers")
    if value is not None and not isinstance(value, bool):
        found.malformed("spec.hostUsers", value, "true or false")
    return value is False


def _other_section(value: object, where: str, found: Findings) -> Tree | None:
    if isinstance(value, Mapping):
        return value
    found.malformed(where, value, "an object")
    return None


def _containers(spec: Tree, found: Findings) -> tuple[Container, ...]:
    return tuple(
        [
            Container(where, body, section(body, "securityContext", where, found) or NOTHING)
            for name in _CONTAINER_LISTS
            for where, body in objects(spec, name, "spec", found)
        ]
    )

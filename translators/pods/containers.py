"""Containers of all three kinds, by one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from translators.pods.env import environment, sources
from translators.pods.links import Variables
from translators.pods.shapes import SHAPES, Shape
from translators.pods.work import Work

_CONTAINER, _EPHEMERAL = SHAPES["Container"], SHAPES["EphemeralContainer"]


def containers(work: Work, kind: str, services: Variables) -> list[dict[str, Any]]:
    """`containers` or `initContainers` of the host pod."""
    found: Sequence[Mapping[str, Any]] = work.spec.get(kind) or ()
    return [_container(work, item, services, _CONTAINER, f"spec.{kind}[{index}]") for index, item in enumerate(found)]


def ephemeral(work: Work, container: Mapping[str, Any], services: Variables, index: int) -> dict[str, Any]:
    return _container(work, container, services, _EPHEMERAL, f"spec.ephemeralContainers[{index}]")


def _container(work: Work, container: Mapping[str, Any], services: Variables, shape: Shape, path: str) -> dict[str, Any]:
    made = dict(shape.clean(work, container, path))
    env = environment(work, container, services, path)
    if env:
        made["env"] = env
    if container.get("envFrom"):
        made["envFrom"] = sources(work, container, path)
    return made

"""Names that collide as soon as somebody joins them carelessly, and the objects the histories are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = ("a", "a-x-b", "b-x-c")
NAMESPACES_OF_TENANT = ("a", "a-x-b", "b-x-c")

Obj = dict[str, Any]


def namespace(name: str) -> Obj:
    return {"metadata": {"name": name}}


def content(namespace: str, name: str, value: str = "1", labels: dict[str, str] | None = None) -> Obj:
    """A ConfigMap."""
    return {"metadata": {"namespace": namespace, "name": name, "labels": labels or {}}, "data": {"key": value}}


def secret(namespace: str, name: str, value: str = "MQ==", type_: str = "Opaque") -> Obj:
    return {"metadata": {"namespace": namespace, "name": name}, "type": type_, "data": {"key": value}}


def service(namespace: str, name: str, port: int = 80, **spec: Any) -> Obj:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": port}], **spec}}


def other_image(pod: Mapping[str, Any], image: str) -> Obj:
    """The patch that gives the first container another image."""
    first, *rest = pod["spec"]["containers"]
    return {"spec": {"containers": [{**first, "image": image}, *rest]}}


def pod(
    namespace: str,
    name: str,
    *,
    configmaps: Sequence[str] = (),
    secrets: Sequence[str] = (),
    optional: Sequence[str] = (),
    labels: dict[str, str] | None = None,
    grace: int = 30,
) -> Obj:
    """`configmaps` and `secrets` must be there; `optional` are ConfigMaps that need not."""
    environment = [{"configMapRef": {"name": item}} for item in configmaps]
    environment += [{"configMapRef": {"name": item, "optional": True}} for item in optional]
    volumes = [{"name": f"v{index}", "secret": {"secretName": item}} for index, item in enumerate(secrets)]
    container: Obj = {"name": "main", "image": "image:1"}
    if environment:
        container["envFrom"] = environment
    spec: Obj = {"containers": [container], "terminationGracePeriodSeconds": grace}
    if volumes:
        spec["volumes"] = volumes
    return {"metadata": {"namespace": namespace, "name": name, "labels": {"app": name, **(labels or {})}}, "spec": spec}

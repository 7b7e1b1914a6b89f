"""Definitions of kinds for the tests, installed on the host while a module runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.e2e.stage import GROUPS, Cluster, eventually
from tools.planes.api import ApiStatusError

GROUP = "toys.example.com"
DEFINITIONS = "customresourcedefinitions"
GROUPS[DEFINITIONS] = "apis/apiextensions.k8s.io/v1"
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def schema(**spec: Any) -> dict[str, Any]:
    fields = {"spec": {"type": "object", "properties": spec, "x-kubernetes-preserve-unknown-fields": True}, "status": ANYTHING}
    return {"openAPIV3Schema": {"type": "object", "properties": fields}}


def version(name: str, made: dict[str, Any], *, storage: bool = True, status: bool = True) -> dict[str, Any]:
    return {"name": name, "served": True, "storage": storage, "schema": made, **({"subresources": {"status": {}}} if status else {})}


def definition(plural: str, kind: str, *versions: dict[str, Any], scope: str = "Namespaced", **more: Any) -> dict[str, Any]:
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    GROUPS[plural] = f"apis/{GROUP}/{versions[0]['name']}"
    return {"metadata": {"name": f"{plural}.{GROUP}"}, "spec": {"group": GROUP, "names": names, "scope": scope, "versions": list(versions), **more}}


def is_served(cluster: Cluster, plural: str) -> bool:
    try:
        cluster.list(plural)
    except ApiStatusError:
        return False
    return True


@contextlib.contextmanager
def installed(host: Cluster, tenant: Cluster, *definitions: dict[str, Any]) -> Iterator[None]:
    """On the host from the start; on neither side afterwards."""
    names = [one["metadata"]["name"] for one in definitions]
    try:
        for one in definitions:
            host.create(DEFINITIONS, "", one)
        for one in definitions:
            eventually(f"{one['metadata']['name']} is served", lambda one=one: is_served(host, one["spec"]["names"]["plural"]))
        yield
    finally:
        for cluster in (tenant, host):
            for name in names:
                cluster.delete(DEFINITIONS, "", name)

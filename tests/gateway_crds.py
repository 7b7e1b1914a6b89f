"""CustomResourceDefinitions of the Gateway API for tests: its kinds, scopes, versions and subresources, with schemas that take anything.

They are not the published ones: what these tests show is that objects cross and come to rest, not that they are valid.
"""

from __future__ import annotations

from typing import Any

from syncer.core.objects import (
    BACKENDTLSPOLICIES,
    GATEWAYCLASSES,
    GATEWAYS,
    GRPCROUTES,
    HTTPROUTES,
    REFERENCEGRANTS,
    TCPROUTES,
    TLSROUTES,
    Resource,
)
from tools.planes import ControlPlane

KINDS = (GATEWAYCLASSES, GATEWAYS, HTTPROUTES, GRPCROUTES, TLSROUTES, TCPROUTES, REFERENCEGRANTS, BACKENDTLSPOLICIES)
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition(kind: Resource) -> dict[str, Any]:
    """The published ones are approved by the API's owners, and so must say those that a server takes for this group."""
    schema = {"type": "object", "properties": {"spec": _ANYTHING, "status": _ANYTHING}}
    version = {"name": kind.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{kind.group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {"plural": kind.plural, "singular": kind.singular, "kind": kind.kind, "listKind": f"{kind.kind}List"},
            "versions": [version],
        },
    }


def install(plane: ControlPlane) -> None:
    """All of them, served when this returns."""
    for kind in KINDS:
        plane.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(kind))
    names = [f"crd/{kind.plural}.{kind.group}" for kind in KINDS]
    plane.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")

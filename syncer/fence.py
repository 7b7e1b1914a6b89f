"""The fence on the host: a ValidatingAdmissionPolicy that binds the syncer's own identity to its tenant's stamp.

RBAC cannot say "only objects with this label". So: whatever this user writes carries `kled.io/tenant=<tenant>`, before and after; it lies in a
namespace that carries the label, too; RoleBindings give the workload role to the syncer and to nobody else. With it a stolen credential can touch
nothing that the tenant's syncer did not make.

The syncer's own namespace carries no label, because the tenant's credentials may lie in it. There Leases are free, and the Service by which pods
find the tenant's API server, with its EndpointSlice, needs the label on itself only. No RoleBinding is let in, which would open its Secrets.

In namespaces where Services of the tenant are shown by name (`network.replicateServices.toHost`) the label `replicate.kled.io/<tenant>=true` lets
Services and EndpointSlices in, and nothing else.

Reviews of one's own rights are writes only in form and are let through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.objects import ENDPOINTSLICES, LEASES, ROLEBINDINGS, SERVICES
from syncer.core.settings import Settings

_GROUP = "admissionregistration.k8s.io"
_REVIEWS = ("authentication.k8s.io", "authorization.k8s.io")


def fence(name: str, settings: Settings, role: str, subject: Mapping[str, str]) -> list[dict[str, Any]]:
    """The policy and its binding."""
    return [
        {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE", "DELETE"], "resources": ["*/*"]}]
                },
                "matchConditions": [
                    {"name": "the-syncer", "expression": f"request.userInfo.username == {_text(username(subject))}"},
                    {"name": "not-a-review", "expression": f"!(request.resource.group in {_text(list(_REVIEWS))})"},
                ],
                "variables": [
                    {
                        "name": "isOwnLease",
                        "expression": f"request.resource.group == {_text(LEASES.group)} && request.resource.resource == {_text(LEASES.plural)} "
                        f"&& request.namespace == {_text(settings.host.namespace)}",
                    },
                    {
                        "name": "isWayToTheTenant",
                        "expression": f"request.resource.resource in {_text([SERVICES.plural, ENDPOINTSLICES.plural])} "
                        f"&& request.namespace == {_text(settings.host.namespace)}",
                    },
                    {"name": "isReplica", "expression": _replicas(settings)},
                ],
                "validations": _validations(settings.tenant.name, role, subject),
            },
        },
        {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    ]


def _replicas(settings: Settings) -> str:
    """A Service, or a slice of one, that is shown in a namespace whose administrator lets this tenant's Services in."""
    namespaces = sorted({to.partition("/")[0] for _, to in settings.network.to_host})
    label, labels = _text(stamps.replicates_label(settings.tenant.name)), "namespaceObject.metadata.labels"
    return (
        f"request.resource.resource in {_text([SERVICES.plural, ENDPOINTSLICES.plural])} && request.namespace in {_text(namespaces)} "
        f"&& namespaceObject != null && has({labels}) && {label} in {labels} && {labels}[{label}] == 'true'"
    )


def username(subject: Mapping[str, str]) -> str:
    """The user name behind an entry of `subjects`."""
    if subject["kind"] == "ServiceAccount":
        return f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    return subject["name"]


def _validations(tenant: str, role: str, subject: Mapping[str, str]) -> list[dict[str, str]]:
    bindings = f"request.resource.group != {_text(ROLEBINDINGS.group)} || request.resource.resource != {_text(ROLEBINDINGS.plural)}"
    return [
        _rule(f"variables.isOwnLease || {_ours('object', tenant)}", f"the syncer writes only objects labelled {stamps.TENANT}={tenant}"),
        _rule(f"variables.isOwnLease || {_ours('oldObject', tenant)}", f"the syncer changes only objects labelled {stamps.TENANT}={tenant}"),
        _rule(
            f"variables.isOwnLease || variables.isWayToTheTenant || variables.isReplica || {_ours('namespaceObject', tenant)}",
            f"the syncer writes only in namespaces labelled {stamps.TENANT}={tenant}",
        ),
        _rule(f"{bindings} || object == null || ({_binds(role, subject)})", f"the syncer binds itself to {role} and nothing else"),
    ]


def _ours(variable: str, tenant: str) -> str:
    """`variable` is not there (nothing written, nothing there before, not namespaced), or carries the tenant's label."""
    key = _text(stamps.TENANT)
    labels = f"{variable}.metadata.labels"
    return f"{variable} == null || (has({labels}) && {key} in {labels} && {labels}[{key}] == {_text(tenant)})"


def _binds(role: str, subject: Mapping[str, str]) -> str:
    who = " && ".join(f"object.subjects[0].{field} == {_text(subject[field])}" for field in ("kind", "name", "namespace") if subject.get(field))
    return f"object.roleRef.kind == 'ClusterRole' && object.roleRef.name == {_text(role)} && object.subjects.size() == 1 && {who}"


def _rule(expression: str, message: str) -> dict[str, str]:
    return {"expression": expression, "message": message}


def _text(value: Any) -> str:
    """A CEL literal; JSON strings are CEL strings."""
    return json.dumps(value)

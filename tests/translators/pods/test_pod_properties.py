"""What holds for any pod of the right types, made of the OpenAPI document."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pod_generator import DEFINITIONS, full, leaves, metadata, pod_specs
from pod_world import PATTERN, SHARED, PodView, created, declared, obj, patched, plan, pod, running, view_for
from pod_world import settings as world_settings

from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import NamespaceMapping, PolicySettings, Settings
from syncer.core.translator import Draft, Refusal, TokenNeed, Wait
from translators.pods import POD_TOKENS, PODS
from translators.pods.fields import TABLE, Verdict
from translators.pods.refs import SECRET_FIELDS

CLASSES = PolicySettings(runtime_classes=dict.fromkeys(("settings", "password", "registry", "disk", "nowhere", "a-x-web", "x"), "host"))
OBJECTS = {
    kind: [obj("web", name) for name in ("settings", "password", "registry", "disk", "a-x-web", "x")]
    for kind in ("configmaps", "secrets", "persistentvolumeclaims")
}
TREE = NamespaceMapping(table={"web": "front"}, shared="acme-all")
mappings = st.sampled_from([PATTERN, SHARED, TREE])
pods = st.builds(lambda spec, meta: pod({**spec, "nodeName": "node-1"}, volumes=spec.get("volumes") or (), **meta), pod_specs(), metadata())
unhurried = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def world(tenant_pod: Obj, mapping: NamespaceMapping) -> PodView:
    return view_for(tenant_pod, world_settings(mapping, policy=CLASSES), tenant=OBJECTS)


def down(tenant_pod: Obj, view: PodView) -> Any:
    assert PODS.down is not None
    return PODS.down(tenant_pod, view)


@unhurried
@given(pods, mappings)
def test_any_pod_gets_an_answer_the_same_one_twice_and_is_never_changed(tenant_pod: dict[str, Any], mapping: NamespaceMapping) -> None:
    before = copy.deepcopy(tenant_pod)
    view = world(tenant_pod, mapping)
    first, second = down(tenant_pod, view), down(tenant_pod, view)
    assert isinstance(first, (Draft, Wait, Refusal))
    assert first == second
    assert tenant_pod == before


@unhurried
@given(pods, mappings)
def test_nothing_is_looked_at_that_is_not_a_declared_need(tenant_pod: dict[str, Any], mapping: NamespaceMapping) -> None:
    view = world(tenant_pod, mapping)
    down(tenant_pod, view)
    assert view.asked <= declared(PODS.needs(tenant_pod, view.names, view.settings))


@unhurried
@given(pods, mappings)
def test_no_field_crosses_that_the_table_does_not_let_cross(tenant_pod: dict[str, Any], mapping: NamespaceMapping) -> None:
    answer = down(tenant_pod, world(tenant_pod, mapping))
    if isinstance(answer, Draft):
        _holds(answer.body["spec"], "PodSpec", ())


# What we put in ourselves, of definitions that are otherwise replaced.
_OURS = {"nodeAffinity", "automountServiceAccountToken", "enableServiceLinks", "serviceAccountName"}


def _holds(value: dict[str, Any], name: str, path: tuple[Any, ...]) -> None:
    for field, item in value.items():
        where = (*path, field)
        assert field in DEFINITIONS[name], where
        if field in _OURS:
            continue
        assert TABLE[name][field].verdict in (Verdict.PASS, Verdict.REWRITE), where
        below = DEFINITIONS[name][field].strip("[]")
        if below in TABLE:
            for part in item if isinstance(item, list) else [item]:
                _holds(part, below, where)


@unhurried
@given(pods, mappings)
def test_what_was_made_is_left_alone_and_status_comes_to_rest(tenant_pod: dict[str, Any], mapping: NamespaceMapping) -> None:
    tenant_pod["spec"].pop("ephemeralContainers", None)
    view = world(tenant_pod, mapping)
    if not isinstance(down(tenant_pod, view), Draft):
        return
    host = created(tenant_pod, view)
    assert plan(tenant_pod, view, host) == ()
    host = running(host)
    actions = plan(tenant_pod, view, host)
    assert plan(patched(tenant_pod, actions, Side.TENANT), view, patched(host, actions, Side.HOST)) == ()


@unhurried
@given(pods, mappings)
def test_no_name_of_a_tenant_object_is_left_where_a_host_object_is_meant(tenant_pod: dict[str, Any], mapping: NamespaceMapping) -> None:
    view = world(tenant_pod, mapping)
    answer = down(tenant_pod, view)
    if isinstance(answer, Draft):
        ours = {(ref.plural, ref.name) for ref in view._objects[Side.HOST]}
        theirs = {item["metadata"]["name"] for items in OBJECTS.values() for item in items} | {"nowhere", "kube-root-ca.crt"}
        for plural, name, optional in _referred(answer.body["spec"]):
            assert (plural, name) in ours or optional, (plural, name)
            assert name not in theirs or not view.names.is_shared("web"), (plural, name)


def _referred(spec: dict[str, Any]) -> Sequence[tuple[str, str, bool]]:
    """References of a host pod, found by an independent walk over key names."""
    found: list[tuple[str, str, bool]] = []

    def walk(value: Any, key: str) -> None:
        if isinstance(value, list):
            for item in value:
                walk(item, key)
        elif isinstance(value, dict):
            optional = bool(value.get("optional"))
            if key in ("configMap", "configMapRef", "configMapKeyRef") and value.get("name"):
                found.append(("configmaps", value["name"], optional))
            if key in ("secretRef", "secretKeyRef", "nodePublishSecretRef", "imagePullSecrets") and value.get("name"):
                found.append(("secrets", value["name"], optional))
            if key == "secret" and (value.get("secretName") or value.get("name")):
                found.append(("secrets", value.get("secretName") or value["name"], optional))
            if value.get("claimName"):
                found.append(("persistentvolumeclaims", value["claimName"], False))
            for name, item in value.items():
                walk(item, name)

    walk(spec, "")
    return found


@unhurried
@given(pods)
def test_tokens_are_only_ever_needed_for_sources_of_tokens(tenant_pod: dict[str, Any]) -> None:
    view = world(tenant_pod, PATTERN)
    needs = [need for need in POD_TOKENS.needs(tenant_pod, view.names, view.settings) if isinstance(need, TokenNeed)]
    sources = [
        part
        for volume in tenant_pod["spec"]["volumes"]
        for part in (volume.get("projected") or {}).get("sources") or ()
        if part.get("serviceAccountToken") is not None
    ]
    assert len(needs) == len({need.entry for need in needs}) == len(sources)
    assert all(600 <= need.seconds <= 86400 and need.seconds != 3607 for need in needs)


NAMING = {"configMap", "configMapRef", "configMapKeyRef", "secret", "secretRef", "secretKeyRef", "nodePublishSecretRef", "imagePullSecrets"}
NEVER = {
    "nodeName",
    "schedulerName",
    "serviceAccount",
    "serviceAccountName",
    "priorityClassName",
    "runtimeClassName",
    "claimName",
    "secretName",
    "endpoints",
}
NEVER |= {"resourceClaimName", "resourceClaimTemplateName", "signerName", "podGroupName", "audience"}


def _full_pod(skip: tuple[str, ...]) -> dict[str, Any]:
    def leaf(path: tuple[str, ...], kind: str) -> Any:
        if kind == "boolean":
            return False
        if path[-1] == "fieldPath":
            return "metadata.name"
        return 7 if kind in ("integer", "IntOrString") else {} if kind == "PersistentVolumeClaimTemplate" else f"canary {' '.join(path)}"

    spec = full("PodSpec", leaf, skip=("resourceClaims", "claims", "ephemeral", "glusterfs", "clusterTrustBundle", "podCertificate", *skip))
    spec["nodeName"] = "node-1"
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        spec[kind][0]["name"] = kind
    volume = spec["volumes"][0]
    projected = volume["projected"]
    projected["sources"] = [{kind: source} for part in projected["sources"] for kind, source in part.items()]
    spec["volumes"] = [{"name": f"v-{kind.lower()}", kind: source} for kind, source in volume.items() if kind != "name"]
    return pod({**spec, "volumes": spec["volumes"]})


@pytest.mark.parametrize("mapping", [SHARED])
def test_a_canary_in_every_string_of_a_pod_never_lands_in_a_reference(mapping: NamespaceMapping) -> None:
    tenant_pod = _full_pod(("setHostnameAsFQDN", "fieldRef"))
    made = world_settings(mapping, policy=PolicySettings(runtime_classes={tenant_pod["spec"]["runtimeClassName"]: "host"}))
    view = _Everything(made, tenant_pod)
    answer = down(tenant_pod, view)
    assert isinstance(answer, Draft), answer
    for path, value in leaves(answer.body["spec"]):
        if isinstance(value, str) and value.startswith("canary ") and "-x-" not in value:
            origin = value.split(" ")[1:]
            names = [part for part in path if isinstance(part, str)]
            assert origin[-1] not in NEVER, (path, value)
            assert not (names[-1] == "name" and len(names) > 1 and names[-2] in NAMING), (path, value)
            assert names[-1] not in SECRET_FIELDS.values(), (path, value)


class _Everything(PodView):
    """A world in which every name that is asked for is there and ours."""

    def __init__(self, made: Settings, tenant_pod: Obj) -> None:
        found = view_for(tenant_pod, made)
        super().__init__(made)
        self._objects = found._objects

    def is_ours(self, ref: Ref, source: Ref) -> bool | None:
        return True

    def get(self, need: Any) -> Any:
        return super().get(need) or (
            {"metadata": {"name": need.ref.name}} if need.ref.plural in ("secrets", "configmaps") and need.side is Side.TENANT else None
        )

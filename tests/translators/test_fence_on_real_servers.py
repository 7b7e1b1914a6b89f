"""What the host's API server lets the syncer's own service account do once the printed manifests are applied."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from server_pair import SETTINGS

from syncer.core.objects import Side
from syncer.core.settings import KindSettings, Settings
from syncer.rbac import manifests
from tools.planes import ControlPlane, PlaneError
from translators.catalog import BUILTIN

pytestmark = pytest.mark.planes
SUBJECT = {"kind": "ServiceAccount", "namespace": "kled-acme", "name": "syncer"}
OURS = {"kled.io/tenant": "acme"}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kled-acme-workload"}
Try = Callable[..., str]


@pytest.fixture(scope="module")
def syncer(host_plane: ControlPlane) -> Path:
    """A kubeconfig of the service account, with the manifests applied and the fence at work."""
    settings = Settings(
        tenant=SETTINGS.tenant,
        host=SETTINGS.host,
        mapping=SETTINGS.mapping,
        kinds={t.kind_setting: KindSettings(name=t.kind_setting) for t in BUILTIN},
    )
    found = yaml.safe_dump_all(manifests(Side.HOST, settings, BUILTIN, SUBJECT))
    host_plane.kubectl("apply", "-f", "-", input=found)
    kubeconfig = host_plane.service_account_kubeconfig("kled-acme", "syncer")
    deadline = time.monotonic() + 60
    while "denied" not in attempt(host_plane, kubeconfig, {"kind": "Namespace", "metadata": {"name": f"stray-{time.monotonic_ns()}"}}):
        assert time.monotonic() < deadline, "the fence never came up"
        time.sleep(0.2)
    return kubeconfig


def attempt(plane: ControlPlane, kubeconfig: Path, body: dict[str, object], verb: str = "create") -> str:
    """An empty text when it is allowed, else what the server says."""
    try:
        plane.kubectl(verb, "-f", "-", input=json.dumps({"apiVersion": "v1", **body}), kubeconfig=kubeconfig)
    except PlaneError as error:
        return str(error)
    return ""


@pytest.fixture
def allowed(host_plane: ControlPlane, syncer: Path) -> Try:
    return lambda body, verb="create": attempt(host_plane, syncer, body, verb)


@pytest.fixture(scope="module")
def workload(host_plane: ControlPlane, syncer: Path) -> str:
    """A namespace that the syncer made, with its rights in it."""
    namespace = {"kind": "Namespace", "metadata": {"name": "acme-fenced", "labels": OURS}}
    assert attempt(host_plane, syncer, namespace) == ""
    assert attempt(host_plane, syncer, binding("acme-fenced")) == ""
    return "acme-fenced"


def binding(namespace: str, **different: object) -> dict[str, object]:
    subjects = [SUBJECT]
    metadata = {"name": "kled-acme-syncer", "namespace": namespace, "labels": OURS}
    return {"apiVersion": ROLE["apiGroup"] + "/v1", "kind": "RoleBinding", "metadata": metadata, "roleRef": ROLE, "subjects": subjects, **different}


def config_map(namespace: str, name: str = "a", labels: dict[str, str] | None = None) -> dict[str, object]:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace, "labels": labels or {}}}


def test_it_may_make_a_namespace_with_its_label_bind_itself_there_and_write(allowed: Try, workload: str) -> None:
    assert allowed(config_map(workload, labels=OURS)) == ""
    assert allowed(config_map(workload, labels=OURS), "delete") == ""


def test_it_may_keep_its_lease_without_a_label(allowed: Try) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "kled-syncer-acme", "namespace": "kled-acme"}}
    assert allowed(lease) == ""


def test_it_may_keep_the_way_to_the_tenants_api_server_beside_its_lease(allowed: Try) -> None:
    metadata = {"name": "acme-api", "namespace": "kled-acme"}
    service = {"kind": "Service", "spec": {"ports": [{"port": 443}]}}
    assert "denied" in allowed({**service, "metadata": metadata})
    assert allowed({**service, "metadata": {**metadata, "labels": OURS}}) == ""
    slice_ = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}]}
    assert allowed({**slice_, "metadata": {**metadata, "labels": OURS}}) == ""


@pytest.mark.parametrize("labels", [{}, {"kled.io/tenant": "other"}, {"kled.io/tenant": ""}])
def test_an_object_without_its_label_is_denied(allowed: Try, workload: str, labels: dict[str, str]) -> None:
    assert "denied" in allowed(config_map(workload, "b", labels))
    assert "denied" in allowed({"kind": "Namespace", "metadata": {"name": "acme-other", "labels": labels}})


def test_an_object_of_somebody_else_in_its_namespace_is_out_of_reach(host_plane: ControlPlane, syncer: Path, allowed: Try, workload: str) -> None:
    host_plane.kubectl("create", "configmap", "foreign", "-n", workload)
    assert "denied" in allowed(config_map(workload, "foreign"), "delete")
    with pytest.raises(PlaneError):
        host_plane.kubectl("label", "configmap", "foreign", "-n", workload, "kled.io/tenant=acme", kubeconfig=syncer)
    assert "foreign" in host_plane.kubectl("get", "configmap", "-n", workload, "-l", "!kled.io/tenant", "-o", "name")


def test_a_namespace_of_somebody_else_can_be_neither_labelled_nor_bound_to_nor_deleted(host_plane: ControlPlane, syncer: Path, allowed: Try) -> None:
    host_plane.kubectl("create", "namespace", "somebody")
    assert "denied" in allowed(binding("somebody"))
    assert "denied" in allowed({"kind": "Namespace", "metadata": {"name": "somebody"}}, "delete")
    with pytest.raises(PlaneError):
        host_plane.kubectl("label", "namespace", "somebody", "kled.io/tenant=acme", kubeconfig=syncer)
    assert host_plane.kubectl("get", "namespace", "somebody", "-o", "jsonpath={.metadata.labels.kled\\.io/tenant}") == ""


@pytest.mark.parametrize(
    "different",
    [
        {"subjects": [SUBJECT, {**SUBJECT, "name": "friend"}]},
        {"subjects": [{**SUBJECT, "name": "friend"}]},
        {"subjects": [{**SUBJECT, "namespace": "elsewhere"}]},
        {"subjects": []},
        {"roleRef": {**ROLE, "name": "cluster-admin"}},
        {"roleRef": {**ROLE, "kind": "Role"}},
    ],
)
def test_it_can_bind_nobody_else_and_nothing_else(allowed: Try, workload: str, different: dict[str, object]) -> None:
    body = binding(workload, **different)
    body["metadata"] = {**body["metadata"], "name": "another"}  # type: ignore[dict-item]
    assert allowed(body) != ""


def test_it_cannot_open_the_secrets_of_its_own_namespace(host_plane: ControlPlane, syncer: Path, allowed: Try) -> None:
    body = binding("kled-acme")
    assert "denied" in allowed({**body, "metadata": {"name": "opened", "namespace": "kled-acme", "labels": OURS}})
    with pytest.raises(PlaneError):
        host_plane.kubectl("get", "secrets", "-n", "kled-acme", kubeconfig=syncer)


def test_others_are_not_held(host_plane: ControlPlane) -> None:
    host_plane.kubectl("create", "configmap", "free", "-n", "default")


def test_it_sees_nothing_namespaced_outside_its_namespaces(host_plane: ControlPlane, syncer: Path, workload: str) -> None:
    for kind in ("secrets", "pods", "configmaps", "events"):
        with pytest.raises(PlaneError):
            host_plane.kubectl("get", kind, "-A", kubeconfig=syncer)
        with pytest.raises(PlaneError):
            host_plane.kubectl("get", kind, "-n", "kled-acme", kubeconfig=syncer)
    host_plane.kubectl("get", "secrets", "-n", workload, kubeconfig=syncer)

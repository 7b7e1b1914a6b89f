"""The manifests on a real API server, whose strict validation and Pod Security admission have the last word."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.planes import ControlPlane
from tools.planes.errors import PlaneError

KUSTOMIZE = Path(__file__).parents[2] / "deploy" / "kustomize"
Pod = dict[str, Any]


@pytest.fixture(scope="module")
def host() -> Iterator[ControlPlane]:
    with ControlPlane("deploy", scheduler=False, controller_manager=False) as plane:
        plane.kubectl("apply", "--server-side", "--validate=strict", "-k", str(KUSTOMIZE / "base"))
        yield plane


@pytest.fixture
def pod(host: ControlPlane) -> Pod:
    """The StatefulSet's pod, as its controller would make it."""
    manifests = yaml.safe_load_all(host.kubectl("kustomize", str(KUSTOMIZE / "base")))
    (spec,) = (manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] == "StatefulSet")
    spec["volumes"].append({"name": "data", "emptyDir": {}})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "control-plane-0", "namespace": "kled-team-a"}, "spec": spec}


def test_two_tenants_are_accepted_beside_each_other(host: ControlPlane):
    applied = host.kubectl("apply", "--server-side", "--validate=strict", "-k", str(KUSTOMIZE / "example"))
    assert "statefulset.apps/control-plane" in applied


def test_the_pod_passes_the_restricted_level_of_its_namespace(host: ControlPlane, pod: Pod):
    assert "pod/control-plane-0 created" in host.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", input=json.dumps(pod))


def test_the_level_is_in_force(host: ControlPlane, pod: Pod):
    pod["spec"]["containers"][0]["securityContext"]["capabilities"] = {}
    with pytest.raises(PlaneError, match='violates PodSecurity "restricted'):
        host.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))

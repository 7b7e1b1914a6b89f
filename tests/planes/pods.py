"""Making pods and looking at them."""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tools.planes import ControlPlane
from tools.planes.api import ApiStatusError

PATIENCE = 60.0
Pod = dict[str, Any]


def container(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "registry.example/app:1", **more}


def phase_is(phase: str) -> Any:
    return lambda pod: pod["status"]["phase"] == phase


def status_of(pod: Pod, name: str) -> dict[str, Any]:
    lists = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    found: dict[str, Any] = {one["name"]: one for field in lists for one in pod["status"].get(field, [])}[name]
    return found


def condition_of(pod: Pod, kind: str) -> str:
    return {str(one["type"]): str(one["status"]) for one in pod["status"]["conditions"]}[kind]


def is_ready(pod: Pod) -> bool:
    return condition_of(pod, "Ready") == "True"


@dataclass(frozen=True)
class Namespace:
    """Pods in one namespace of a control plane."""

    plane: ControlPlane
    name: str

    def create_pod(self, name: str, wishes: dict[str, str] | None = None, **spec: Any) -> None:
        """Create a pod; wishes are annotations that choose the behaviour of the fake kubelet."""
        annotations = {f"test.kled.dev/{key}": value for key, value in (wishes or {}).items()}
        self.create("pods", {"metadata": {"name": name, "annotations": annotations}, "spec": {"containers": [container("main")], **spec}})

    def create(self, kind: str, body: dict[str, Any], group: str = "api/v1") -> None:
        self.plane.api.post(f"/{group}/namespaces/{self.name}/{kind}", body)

    def pod(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.plane.api.get(f"/api/v1/namespaces/{self.name}/pods/{name}")
        except ApiStatusError as error:
            if error.code != 404:
                raise
            return {}
        return found

    def kubectl(self, *arguments: str) -> str:
        return self.plane.kubectl(f"--namespace={self.name}", *arguments)

    def pod_when(self, name: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Return the pod as soon as it satisfies the condition; {} stands for a pod that is gone."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pod = self.pod(name)
            with contextlib.suppress(LookupError):  # what the condition looks at may not be there yet
                if condition(pod):
                    return pod
            time.sleep(0.1)
        pytest.fail(f"pod {name} did not get there: {json.dumps(pod.get('status'), indent=1)}")

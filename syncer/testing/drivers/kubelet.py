"""The kubelet: runs pods that are bound to nodes, and ends those that are being deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core.objects import NODES, PODS
from syncer.testing.apiserver import SimulatedCluster, pods
from syncer.testing.apiserver.deletion import ENDED, timestamp

Obj = Mapping[str, Any]
Made = dict[str, Any]


class Kubelet:
    """All nodes' kubelets, or that of `node`. A test may also call the single acts (`start`, `complete`, `evict`, `finish`) when it likes."""

    def __init__(self, cluster: SimulatedCluster, node: str = "") -> None:
        self._cluster = cluster
        self._node = node
        self._addresses = 0

    def step(self) -> int:
        """Start what waits and finish what is being deleted; how many pods were touched."""
        return self.start_all() + self.finish_all()

    def start_all(self) -> int:
        waiting = [pod for pod in self._mine() if pod["status"].get("phase") == "Pending" and not _leaving(pod)]
        for pod in waiting:
            self.start(*_place(pod))
        return len(waiting)

    def finish_all(self) -> int:
        leaving = [pod for pod in self._mine() if _leaving(pod)]
        return sum(self.finish(*_place(pod)) for pod in leaving)

    def _mine(self) -> list[Obj]:
        return [pod for pod in self._cluster.all(PODS) if pod["spec"].get("nodeName") and self._node in ("", pod["spec"]["nodeName"])]

    # --- single acts

    def start(self, namespace: str, name: str) -> None:
        """Running and ready, with an address."""
        pod = self._pod(namespace, name)
        self._addresses += 1
        address = f"10.244.{self._addresses // 250}.{self._addresses % 250 + 2}"
        host = self._host_address(pod["spec"]["nodeName"])
        self._report(
            pod,
            {
                "phase": "Running",
                "startTime": self._time(),
                "podIP": address,
                "podIPs": [{"ip": address}],
                "hostIP": host,
                "hostIPs": [{"ip": host}],
                "conditions": self._conditions(pod, "True"),
                "containerStatuses": [self._running(container) for container in pod["spec"]["containers"]],
            },
        )

    def unready(self, namespace: str, name: str) -> None:
        """A readiness probe fails."""
        pod = self._pod(namespace, name)
        self._report(pod, {"conditions": self._conditions(pod, "False")})

    def complete(self, namespace: str, name: str, code: int = 0) -> None:
        """All containers end, with this exit code."""
        pod = self._pod(namespace, name)
        self._report(pod, {"phase": "Failed" if code else "Succeeded", "conditions": self._conditions(pod, "False"), **self._ended(pod, code)})

    def evict(self, namespace: str, name: str, message: str = "The node was low on resource: memory.") -> None:
        """Node pressure: the pod fails with reason Evicted and stays as a record."""
        pod = self._pod(namespace, name)
        self._report(pod, {"phase": "Failed", "reason": "Evicted", "message": message, **self._ended(pod, 137)})

    def finish(self, namespace: str, name: str) -> bool:
        """End a pod that is being deleted: report its containers as ended, then delete it with grace 0. False: a finalizer keeps it."""
        pod = self._pod(namespace, name)
        meta = pod["metadata"]
        if meta.get("deletionGracePeriodSeconds") == 0 and meta.get("finalizers"):
            return False
        if pod["status"].get("phase") not in ENDED and pod["status"].get("containerStatuses"):
            self._report(pod, {"phase": "Succeeded", "conditions": self._conditions(pod, "False"), **self._ended(pod, 0)})
        self._cluster.remove(PODS, namespace, name, uid=meta["uid"], grace=0, user=self._user(pod))
        return True

    # --- what it reports

    def _report(self, pod: Obj, status: Obj) -> None:
        namespace, name = _place(pod)
        self._cluster.edit(PODS, namespace, name, {"status": status}, subresource="status", user=self._user(pod))

    def _user(self, pod: Obj) -> str:
        return f"system:node:{pod['spec']['nodeName']}"

    def _pod(self, namespace: str, name: str) -> Obj:
        pod = self._cluster.find(PODS, namespace, name)
        assert pod is not None, f"there is no pod {namespace}/{name}"
        return pod

    def _host_address(self, node: str) -> str:
        found = self._cluster.find(NODES, "", node)
        addresses = ((found or {}).get("status") or {}).get("addresses") or []
        return next((item["address"] for item in addresses if item["type"] == "InternalIP"), "192.0.2.1")

    def _time(self) -> str:
        return timestamp(self._cluster.server.now())

    def _conditions(self, pod: Obj, ready: str) -> list[Made]:
        made: list[Made] = list(pod["status"].get("conditions") or [])
        for kind, status in (("Initialized", "True"), ("PodReadyToStartContainers", ready), ("ContainersReady", ready), ("Ready", ready)):
            same = [item for item in made if item["type"] == kind and item["status"] == status]
            if not same:
                made = pods.with_condition(made, {"type": kind, "status": status, "lastTransitionTime": self._time()})
        return made

    def _running(self, container: Obj) -> Made:
        return {
            "name": container["name"],
            "image": container["image"],
            "imageID": f"sha256:{container['name']}",
            "containerID": f"containerd://{container['name']}",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": self._time()}},
            "resources": container.get("resources") or {},
        }

    def _ended(self, pod: Obj, code: int) -> Made:
        state = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": self._time()}}
        statuses = pod["status"].get("containerStatuses") or []
        return {"containerStatuses": [{**status, "ready": False, "started": False, "state": state} for status in statuses]}


def _leaving(pod: Obj) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _place(pod: Obj) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]

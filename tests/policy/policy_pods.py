"""A host pod that every level lets pass, and ways to spoil it in one place."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from syncer.core.settings import PolicySettings
from syncer.policy import Lent, Violation, violations

ACCOUNT = "kled-workload"
NODES = frozenset({"node-1", "node-2"})
LISTS = ("containers", "initContainers", "ephemeralContainers")

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\['([^']+)'\]")


def container(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": "registry.example/app:1",
        "ports": [{"containerPort": 8080}],
        "volumeMounts": [{"name": "config", "mountPath": "/config"}],
        "livenessProbe": {"httpGet": {"path": "/", "port": 8080}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def host_pod() -> dict[str, Any]:
    """Passes at `restricted`, with one container in each of the three lists."""
    pin = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-x-shop-x-acme", "namespace": "tenant-acme", "annotations": {"kled.io/schema": "1"}},
        "spec": {
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container("app")],
            "initContainers": [container("prepare")],
            "ephemeralContainers": [container("debug")],
            "volumes": [{"name": "config", "configMap": {"name": "config"}}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [pin]}}},
        },
    }


def spoiled(path: str, value: object, pod: dict[str, Any] | None = None) -> dict[str, Any]:
    """A copy of the pod with `value` at a path such as `spec.containers[0].image`; missing objects and lists on the way are made."""
    result: dict[str, Any] = json.loads(json.dumps(pod if pod is not None else host_pod()))
    steps = [int(number) if number else plain or quoted for plain, number, quoted in _STEP.findall(path)]
    at: Any = result
    for step, following in pairwise(steps):
        if isinstance(step, int):
            while len(at) <= step:
                at.append({})
            at = at[step]
        else:
            if at.get(step) is None:
                at[step] = [] if isinstance(following, int) else {}
            at = at[step]
    last = steps[-1]
    if isinstance(last, int):
        at[last:] = [value]
    else:
        at[last] = value
    return result


def judge(
    pod: Any, *, existing: bool = False, nodes: frozenset[str] | None = NODES, lent: Lent | None = None, **policy: Any
) -> tuple[Violation, ...]:
    return violations(pod, PolicySettings(**policy), service_account=ACCOUNT, nodes=nodes, existing=existing, lent=lent or Lent())


def checks(pod: Any, **arguments: Any) -> set[str]:
    return {violation.check for violation in judge(pod, **arguments)}

"""Pods between two real API servers, with a fake kubelet on the host: what we make is admitted, follows, and comes to rest."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import anyio
import pytest
from server_pair import Pair

from syncer.core import stamp as stamps
from syncer.core.actions import Action, Refuse, Waiting, Write
from syncer.core.errors import Conflict
from syncer.core.objects import CONFIGMAPS as CONFIGMAP_KIND
from syncer.core.objects import NAMESPACES, PERSISTENTVOLUMECLAIMS, SECRETS, SERVICEACCOUNTS, SERVICES, Side
from syncer.core.objects import NODES as NODE_KIND
from syncer.core.objects import PODS as POD_KIND
from syncer.engine.cache import Expectations
from syncer.engine.execute import Execute
from syncer.testing.view import names_for
from translators.configmaps import CONFIGMAPS
from translators.nodes import NODES
from translators.pods import PODS
from translators.pods.life import PLACED
from translators.pods.tokens import secret_name
from translators.workload import WORKLOAD_SERVICE_ACCOUNT

pytestmark = pytest.mark.planes
PATIENCE = 60.0
SEEN = {
    Side.TENANT: (SERVICES, NODE_KIND, NAMESPACES, CONFIGMAP_KIND, SECRETS, PERSISTENTVOLUMECLAIMS),
    Side.HOST: (NODE_KIND, SERVICEACCOUNTS, CONFIGMAP_KIND, SECRETS),
}


@dataclass
class Pods:
    """Pods of the namespace `default` on a promoted node."""

    pair: Pair
    node: str

    async def make(self, name: str, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
        body = {"containers": [{"name": "main", "image": "example.org/app:1"}], "nodeName": self.node, **(spec or {})}
        await self.pair.make(Side.TENANT, POD_KIND, {"metadata": {"name": name, "namespace": "default", **metadata}, "spec": body})
        made = await self.tenant(name)
        stamp = stamps.Stamp("acme", "pod-tokens", "default", name, made["metadata"]["uid"])
        meta = {"namespace": "acme-default", "labels": stamps.labels(stamp), "annotations": stamps.annotations(stamp)}
        tokens = secret_name(names_for(self.pair.settings), "default", name)
        keys = [volume["name"] for volume in made["spec"]["volumes"] if volume.get("projected")]
        data = {f"{key}.{index}": "dA==" for key in keys for index in range(3)}
        await self.pair.make(Side.HOST, SECRETS, {"metadata": {"name": tokens, **meta}, "type": "Opaque", "data": data})
        return made

    async def tenant(self, name: str) -> dict[str, Any]:
        found = await self.pair.get(Side.TENANT, POD_KIND, "default", name)
        assert found is not None
        return found

    async def host(self, name: str) -> dict[str, Any]:
        found = await self.pair.get(Side.HOST, POD_KIND, "acme-default", name)
        assert found is not None, await self.pair.plan(PODS, "default", name)
        return found

    async def change(self, name: str, patch: dict[str, Any], subresource: str = "") -> None:
        await self.pair.tenant.patch(POD_KIND, "default", name, patch, subresource=subresource)

    async def settle(self, name: str) -> list[Action]:
        """Everything that is written until the host pod runs and nothing is left to write."""
        execute = Execute({Side.TENANT: self.pair.tenant, Side.HOST: self.pair.host}, Expectations(), lambda action, outcome: None)
        done: list[Action] = []
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            plan = await self.pair.plan(PODS, "default", name)
            writes = [action for action in plan if isinstance(action, Write)]
            assert not any(isinstance(action, (Refuse, Waiting)) for action in plan), plan
            done += writes
            assert len(done) < 12, done
            for action in writes:
                try:
                    await execute(action)
                except Conflict:
                    continue
            if not writes and (await self.host(name)).get("status", {}).get("phase") == "Running":
                return done
            await anyio.sleep(0.1)
        raise AssertionError(f"{name} does not come to rest: {done[-4:]}")


@pytest.fixture
async def pods(pair: Pair) -> Pods:
    pair = replace(pair, listed=SEEN)
    node = (await pair.all(Side.HOST, NODE_KIND))[0]["metadata"]["name"]
    if await pair.get(Side.TENANT, NODE_KIND, "", node) is None:
        await pair.settle(NODES, "", node)
    if await pair.get(Side.HOST, SERVICEACCOUNTS, "acme-default", WORKLOAD_SERVICE_ACCOUNT) is None:
        meta = {"name": WORKLOAD_SERVICE_ACCOUNT, "namespace": "acme-default", "labels": {stamps.TENANT: "acme"}}
        await pair.make(Side.HOST, SERVICEACCOUNTS, {"metadata": meta, "automountServiceAccountToken": False})
    await pair.settle(CONFIGMAPS, "default", "kube-root-ca.crt")
    return Pods(pair, node)


async def test_an_ordinary_pod_runs_and_takes_few_writes(pods: Pods) -> None:
    await pods.make("plain", labels={"app": "shop"})
    done = await pods.settle("plain")
    assert len([action for action in done if action.side is Side.HOST]) == 1
    assert len([action for action in done if action.side is Side.TENANT]) <= 3
    status = (await pods.tenant("plain"))["status"]
    assert status["phase"] == "Running"
    assert status["podIP"]
    assert {item["type"]: item["status"] for item in status["conditions"]}[PLACED] == "True"
    assert await pods.settle("plain") == []


FORMS: dict[str, dict[str, Any]] = {
    "naming": {"hostname": "h", "subdomain": "s", "setHostnameAsFQDN": True},
    "dns": {"dnsConfig": {"options": [{"name": "edns0"}], "searches": ["example.org"]}},
    "resolver": {"dnsPolicy": "Default"},
    "sidecar": {
        "initContainers": [
            {"name": "side", "image": "example.org/side:1", "restartPolicy": "Always"},
            {"name": "once", "image": "example.org/once:1"},
        ]
    },
    "downward": {
        "containers": [
            {
                "name": "main",
                "image": "example.org/app:1",
                "env": [
                    {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                    {"name": "IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIPs"}}},
                    {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                ],
            }
        ],
        "volumes": [
            {
                "name": "info",
                "downwardAPI": {
                    "items": [
                        {"path": path, "fieldRef": {"fieldPath": f"metadata.{path}"}}
                        for path in ("name", "namespace", "uid", "labels", "annotations")
                    ]
                },
            }
        ],
    },
    "tokens": {
        "volumes": [
            {
                "name": "both",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "a", "audience": "vault", "expirationSeconds": 600}},
                        {"serviceAccountToken": {"path": "b", "audience": "sts"}},
                        {"configMap": {"name": "nowhere", "optional": True}},
                    ]
                },
            }
        ]
    },
    "terms": {
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"app": "lonely"}},
                        "matchLabelKeys": ["rev"],
                        "namespaceSelector": {},
                    }
                ],
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "namespaces": ["kube-system"]}}
                ],
            }
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "DoNotSchedule",
                "minDomains": 5,
                "nodeAffinityPolicy": "Ignore",
                "matchLabelKeys": ["rev"],
                "labelSelector": {"matchLabels": {"app": "lonely"}},
            }
        ],
    },
    "resources": {"resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}}},
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_pod_is_admitted_and_comes_to_rest(pods: Pods, form: str) -> None:
    await pods.make(f"form-{form}", FORMS[form], labels={"rev": "3"}, annotations={"note": 'a "b"'})
    await pods.settle(f"form-{form}")
    assert await pods.settle(f"form-{form}") == []


async def test_the_hosts_own_names_of_an_fqdn(pods: Pods) -> None:
    await pods.make("fqdn", FORMS["naming"])
    await pods.settle("fqdn")
    assert (await pods.host("fqdn"))["spec"]["hostnameOverride"] == "h.s.default.svc.cluster.local"


async def test_changes_follow_and_come_to_rest(pods: Pods) -> None:
    await pods.make("changing", {"terminationGracePeriodSeconds": 1}, labels={"app": "shop"})
    await pods.settle("changing")
    tolerations = (await pods.tenant("changing"))["spec"]["tolerations"]
    added = {"key": "example.org/x", "operator": "Exists", "effect": "NoSchedule"}
    changed = {"containers": [{**(await pods.tenant("changing"))["spec"]["containers"][0], "image": "example.org/app:2"}]}
    await pods.change("changing", {"metadata": {"labels": {"app": "other"}}, "spec": {**changed, "tolerations": [*tolerations, added]}})
    await pods.change("changing", {"spec": {"activeDeadlineSeconds": 3600}})
    await pods.settle("changing")
    host = await pods.host("changing")
    assert host["metadata"]["labels"]["app"] == "other"
    assert host["spec"]["containers"][0]["image"] == "example.org/app:2"
    assert host["spec"]["activeDeadlineSeconds"] == 3600
    assert added in host["spec"]["tolerations"]
    assert await pods.settle("changing") == []


async def test_an_ephemeral_container_is_added(pods: Pods) -> None:
    await pods.make("debugged")
    await pods.settle("debugged")
    debug = {"name": "debug", "image": "example.org/debug:1", "targetContainerName": "main", "env": [{"name": "A", "value": "b"}]}
    await pods.change("debugged", {"spec": {"ephemeralContainers": [debug]}}, "ephemeralcontainers")
    await pods.settle("debugged")
    assert [item["name"] for item in (await pods.host("debugged"))["spec"]["ephemeralContainers"]] == ["debug"]
    assert await pods.settle("debugged") == []


async def test_a_readiness_gate_is_answered_by_the_tenant(pods: Pods) -> None:
    await pods.make("gated", {"readinessGates": [{"conditionType": "example.org/lb"}]})
    await pods.settle("gated")
    conditions = (await pods.tenant("gated"))["status"]["conditions"]
    gate = {"type": "example.org/lb", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    await pods.change("gated", {"status": {"conditions": [*conditions, gate]}}, "status")
    await pods.settle("gated")
    assert {item["type"]: item["status"] for item in (await pods.host("gated"))["status"]["conditions"]}["example.org/lb"] == "True"
    assert {item["type"]: item["status"] for item in (await pods.tenant("gated"))["status"]["conditions"]}["example.org/lb"] == "True"
    assert await pods.settle("gated") == []


async def test_resources_of_a_running_pod_are_resized_in_place(pods: Pods) -> None:
    requests = {"cpu": "10m", "memory": "16Mi"}
    await pods.make("resized", {"containers": [{"name": "main", "image": "example.org/app:1", "resources": {"requests": requests}}]})
    await pods.settle("resized")
    more = {"containers": [{"name": "main", "image": "example.org/app:1", "resources": {"requests": {**requests, "cpu": "20m"}}}]}
    current = (await pods.tenant("resized"))["spec"]["containers"][0]
    await pods.change("resized", {"spec": {"containers": [{**current, **more["containers"][0]}]}}, "resize")
    await pods.settle("resized")
    assert (await pods.host("resized"))["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "20m"
    assert await pods.settle("resized") == []

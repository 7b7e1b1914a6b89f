"""Generated objects of every kind: what holds for all of them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kind_cases import BY_NAME, stamped
from server_pair import SETTINGS, Pair

from syncer.core import stamp as stamps
from syncer.core.actions import Recreate
from syncer.core.errors import ApiError
from syncer.core.objects import NAMESPACES, SERVICECIDRS, Obj, Ref, Side
from syncer.core.objects import SERVICES as SERVICE_KIND
from syncer.core.settings import PolicySettings, Settings
from syncer.core.translator import AllBut, Draft, Each, ListNeed, Need, ObjectNeed, Path, Skip, Translator, Wait
from syncer.testing import FakeView, SimulatedCluster, run
from translators.nodes import DERIVED_TAINTS

KINDS = ("namespaces", "configmaps", "secrets", "services", "poddisruptionbudgets", "nodes", "events")
names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
keys = st.sampled_from(["app", "team", "kled.io/tenant", "istio.io/rev", "kubernetes.io/os", "topology.kubernetes.io/zone", "a.example.com/b"])
labels = st.dictionaries(keys, st.sampled_from(["", "a", "b", "acme", "other"]), max_size=4)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/.-", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "namespace", "uid"]), inner, max_size=3),
    max_leaves=8,
)
data = st.dictionaries(st.from_regex(r"[a-z.]{1,8}", fullmatch=True), st.sampled_from(["YQ==", "Yg==", ""]), max_size=3)


def metadata(draw: st.DrawFn, namespaced: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = {"name": draw(names), "uid": "a-uid", "resourceVersion": "7"}
    if namespaced:
        made["namespace"] = draw(st.sampled_from(["web", "default", "kube-system"]))
    for field in ("labels", "annotations"):
        if draw(st.booleans()):
            made[field] = draw(labels)
    if draw(st.booleans()):
        made |= {"finalizers": ["example.com/x"], "ownerReferences": [{"kind": "Pod", "name": "web", "uid": "x", "apiVersion": "v1"}]}
    return made


PORTS = st.lists(
    st.builds(
        lambda port, protocol, target, node: {"port": port, "protocol": protocol, "targetPort": target, **({"nodePort": node} if node else {})},
        st.integers(1, 99),
        st.sampled_from(["TCP", "UDP"]),
        st.sampled_from([80, "http"]),
        st.sampled_from([0, 30001, 30002]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda port: (port["port"], port["protocol"]),
).map(lambda ports: ports if len(ports) == 1 else [{"name": f"p{port['port']}{port['protocol'].lower()}", **port} for port in ports])
ADDRESSES = st.sampled_from(["", "None", "10.98.0.11", "10.98.0.12", "10.98.64.13", "10.98.64.14"])


@st.composite
def service_specs(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly legal ones; the API server sorts out the rest."""
    spec: dict[str, Any] = {"type": draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"])), "ports": draw(PORTS)}
    if draw(st.booleans()):
        spec["selector"] = draw(labels)
    if spec["type"] == "ExternalName":
        return {"type": "ExternalName", "externalName": draw(st.sampled_from(["db.example.com", "10.0.0.1"]))}
    address = draw(ADDRESSES)
    if address and not (address == "None" and spec["type"] != "ClusterIP"):
        spec |= {"clusterIP": address, "clusterIPs": [address]}
    if draw(st.booleans()) and spec["type"] != "ClusterIP":
        spec["externalTrafficPolicy"] = draw(st.sampled_from(["Local", "Cluster"]))
    if draw(st.booleans()):
        spec["externalIPs"] = ["192.0.2.1"]
    if draw(st.booleans()) and spec["type"] == "LoadBalancer":
        spec |= {"loadBalancerClass": "example.com/a", "loadBalancerIP": "192.0.2.2", "allocateLoadBalancerNodePorts": draw(st.booleans())}
    if draw(st.booleans()):
        spec |= {"sessionAffinity": "ClientIP", "publishNotReadyAddresses": True, "internalTrafficPolicy": "Local"}
    return spec


@st.composite
def objects(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """An object of that kind as the leading side might hold it, with fields that nobody knows."""
    made: dict[str, Any] = {"metadata": metadata(draw, namespaced=kind not in ("namespaces", "nodes"))}
    if draw(st.booleans()):
        made["aNewField"] = draw(junk)
    match kind:
        case "configmaps":
            made |= {"data": draw(data), "binaryData": draw(data), "immutable": draw(st.booleans())}
        case "secrets":
            made |= {"data": draw(data), "type": draw(st.sampled_from(["Opaque", "kubernetes.io/tls", "kubernetes.io/service-account-token", "x/y"]))}
        case "services":
            made["spec"] = {**draw(service_specs()), **({"aNewField": draw(junk)} if draw(st.booleans()) else {})}
            made["status"] = draw(st.sampled_from([{}, {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}]))
        case "poddisruptionbudgets":
            wanted = st.sampled_from([None, 0, 3, "50%", "junk", -1])
            made["spec"] = {
                "selector": draw(st.none() | st.fixed_dictionaries({}, optional={"matchLabels": labels})),
                "minAvailable": draw(wanted),
                "maxUnavailable": draw(wanted),
                "unhealthyPodEvictionPolicy": draw(st.sampled_from([None, "AlwaysAllow", "junk"])),
            }
            made["status"] = {"desiredHealthy": draw(st.sampled_from([2, -1, "2", 2**40])), "observedGeneration": draw(st.sampled_from([0, 1]))}
        case "nodes":
            taints = st.fixed_dictionaries({"key": st.sampled_from(["mine", *sorted(DERIVED_TAINTS)]), "effect": st.just("NoSchedule")})
            made["spec"] = {"taints": draw(st.lists(taints, max_size=3)), "unschedulable": draw(st.booleans()), "providerID": "aws://secret"}
            made["status"] = {
                "capacity": {"cpu": "8"},
                "addresses": [{"type": "InternalIP", "address": "192.168.7.7"}],
                "images": [{"names": ["secret"]}],
                "nodeInfo": {"machineID": "secret", "systemUUID": "secret", "bootID": "secret", "kubeletVersion": "v1.36.3"},
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2030-01-01T00:00:00Z"}],
            }
        case "events":
            namespace = made["metadata"]["namespace"] = "acme-web"
            made["involvedObject"] = {"kind": draw(st.sampled_from(["Pod", "Service", "Node", "Job"])), "namespace": namespace, "name": "shop"}
            made |= {
                "reason": draw(names),
                "message": draw(st.sampled_from(["acme-web/shop", "in acme-web", "shop"])),
                "count": draw(st.integers(1, 9)),
            }
    return made


def of_each_kind() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), objects(kind)))


class Watched(FakeView):
    """Notes what is asked for."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.asked: set[Need] = set()

    def get(self, need: ObjectNeed) -> Obj | None:
        self.asked.add(need)
        return super().get(need)

    def list(self, need: ListNeed) -> Any:
        self.asked.add(need)
        return super().list(need)


def view_for(translator: Translator, obj: Obj, config: Settings, counterpart: Obj | None = None) -> Watched:
    """A view in which the object itself is there, and so is what events tell of."""
    pod = stamped(
        {"metadata": {"namespace": "acme-web", "name": "shop", "uid": "h"}}, "pods", {"metadata": {"namespace": "web", "name": "shop", "uid": "t"}}
    )
    sides: dict[Side, dict[str, list[Any]]] = {Side.HOST: {"pods": [pod], "services": [pod]}, Side.TENANT: {}}
    sides[translator.leading].setdefault(translator.source.plural, []).append(obj)
    if counterpart is not None:
        sides[translator.leading.other].setdefault(translator.destination.plural, []).append(counterpart)
    return Watched(config, tenant=sides[Side.TENANT], host=sides[Side.HOST], counterpart=counterpart)


def forward(translator: Translator, obj: Obj, view: FakeView) -> Any:
    function = translator.down if translator.leading is Side.TENANT else translator.up
    assert function is not None
    return function(obj, view)


@given(of_each_kind())
def test_nothing_is_changed_nothing_undeclared_is_read_and_the_answer_is_always_the_same(found: tuple[str, dict[str, Any]]) -> None:
    translator, obj = BY_NAME[found[0]], found[1]
    before = copy.deepcopy(obj)
    view = view_for(translator, obj, SETTINGS)
    first = forward(translator, obj, view)
    assert forward(translator, obj, view) == first
    assert obj == before
    assert view.asked <= set(translator.needs(obj, view.names, view.settings))


@given(of_each_kind())
def test_a_draft_holds_nothing_but_what_is_owned_and_nothing_that_nobody_knows(found: tuple[str, dict[str, Any]]) -> None:
    translator, obj = BY_NAME[found[0]], found[1]
    answer = forward(translator, obj, view_for(translator, obj, SETTINGS))
    if not isinstance(answer, Draft):
        return
    owned = translator.tenant_owns if translator.leading is Side.TENANT else translator.host_owns
    for path in leaves({key: value for key, value in answer.body.items() if key != "metadata"}):
        assert any(is_under(path, own) for own in owned), path
    assert "aNewField" not in str(answer.body)
    assert "secret" not in str(answer.body.get("status"))
    assert set(answer.body.get("metadata") or {}) <= {"labels", "annotations"}


@given(of_each_kind())
def test_our_own_prefix_never_crosses_from_the_tenant(found: tuple[str, dict[str, Any]]) -> None:
    translator, obj = BY_NAME[found[0]], found[1]
    answer = forward(translator, obj, view_for(translator, obj, SETTINGS))
    if isinstance(answer, Draft):
        meta = answer.body.get("metadata") or {}
        assert not [key for field in ("labels", "annotations") for key in meta.get(field) or () if key.startswith(stamps.PREFIX)]


@given(objects("services"))
def test_a_selector_never_gets_wider_than_this_namespace_of_this_tenant(obj: dict[str, Any]) -> None:
    translator = BY_NAME["services"]
    answer = forward(translator, obj, view_for(translator, obj, SETTINGS))
    assert isinstance(answer, (Draft, Skip, Wait))
    if isinstance(answer, Draft) and (selector := answer.body["spec"].get("selector")):
        assert selector[stamps.TENANT] == "acme"
        assert selector[stamps.NAMESPACE] == obj["metadata"]["namespace"]
        assert obj["spec"]["selector"]


@given(objects("poddisruptionbudgets"))
def test_a_budget_never_looks_beyond_this_namespace_of_this_tenant_and_is_always_a_number(obj: dict[str, Any]) -> None:
    translator = BY_NAME["poddisruptionbudgets"]
    answer = forward(translator, obj, view_for(translator, obj, SETTINGS))
    if not isinstance(answer, Draft):
        return
    spec = answer.body["spec"]
    if selector := spec.get("selector"):
        assert (selector["matchLabels"][stamps.TENANT], selector["matchLabels"][stamps.NAMESPACE]) == ("acme", obj["metadata"]["namespace"])
    assert spec.get("minAvailable") is None or 0 <= spec["minAvailable"] < 2**31
    assert "maxUnavailable" not in spec


@given(objects("services"))
def test_only_addresses_of_the_shared_range_are_asked_for(obj: dict[str, Any]) -> None:
    translator = BY_NAME["services"]
    answer = forward(translator, obj, view_for(translator, obj, SETTINGS))
    if isinstance(answer, Draft):
        asked = answer.body["spec"].get("clusterIP", "None")
        assert asked == "None" or asked.startswith("10.98.0.")
        assert not {"externalIPs", "loadBalancerIP", "healthCheckNodePort"} & answer.body["spec"].keys()
        assert not [port for port in answer.body["spec"].get("ports", ()) if "nodePort" in port]


@given(objects("nodes"))
def test_an_address_of_a_host_node_is_not_shown(obj: dict[str, Any]) -> None:
    translator = BY_NAME["nodes"]
    answer = forward(translator, obj, view_for(translator, obj, SETTINGS))
    assert "192.168" not in str(answer)


@pytest.mark.parametrize("translator", [BY_NAME[kind] for kind in KINDS], ids=lambda translator: translator.name)
def test_no_path_has_two_owners(translator: Translator) -> None:
    for mine in translator.tenant_owns:
        for theirs in translator.host_owns:
            assert not overlap(mine, theirs), (mine, theirs)


def overlap(mine: Path, theirs: Path) -> bool:
    """Whether one path lies under the other. What `AllBut` leaves out belongs to nobody but the other side."""
    for one, other in ((mine, theirs), (theirs, mine)):
        last = one[-1]
        if isinstance(last, AllBut) and one[:-1] == other[: len(one) - 1]:
            rest = other[len(one) :]
            return not (rest and rest[0] in last.fields)
    shorter = min(len(mine), len(theirs))
    return mine[:shorter] == theirs[:shorter]


def leaves(obj: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(obj, Mapping) and obj:
        for key, value in obj.items():
            yield from leaves(value, (*at, key))
    elif at and obj not in ({}, [], None):
        yield at


def is_under(path: tuple[str, ...], owned: Path) -> bool:
    plain = tuple(step for step in owned if not isinstance(step, (Each, AllBut)))
    return path[: len(plain)] == plain[: len(path)]


# --- histories of a service between two API servers in memory

EDITS = st.one_of(
    service_specs().map(lambda spec: ("tenant", spec)),
    service_specs().map(lambda spec: ("host", spec)),
    st.just(("host gone", {})),
    st.just(("tenant again", {})),
)
POLICIES = st.sampled_from(
    [PolicySettings(), PolicySettings(allow_external_ips=True, allow_load_balancer_ip=True), PolicySettings(honour_node_ports=True)]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(service_specs(), st.lists(EDITS, max_size=4), st.sampled_from([(), ("10.98.0.0/20",)]), POLICIES)
def test_a_service_comes_to_rest_after_every_change_with_one_address_on_both_sides(
    spec: dict[str, Any], edits: list[tuple[str, dict[str, Any]]], shared: tuple[str, ...], policy: PolicySettings
) -> None:
    run(history(spec, edits, replace(SETTINGS, tenant=replace(SETTINGS.tenant, service_cidr=shared), policy=policy)))


async def history(spec: dict[str, Any], edits: Iterable[tuple[str, dict[str, Any]]], config: Settings) -> None:
    tenant = SimulatedCluster(Side.TENANT, service_cidrs=("10.98.0.0/16",))
    host = SimulatedCluster(Side.HOST, service_cidrs=("10.98.128.0/17", "10.98.0.0/20"))
    tenant.put(SERVICECIDRS, {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.98.0.0/16"]}})
    host.put(NAMESPACES, {"metadata": {"name": "acme-default", "labels": {stamps.TENANT: "acme"}}})
    pair = Pair(tenant, host, config)
    if not tried(lambda: tenant.put(SERVICE_KIND, {"metadata": {"namespace": "default", "name": "s"}, "spec": spec})):
        return
    await rested(pair)
    for who, change in edits:
        everything = {key: change.get(key) for key in ("type", "ports", "selector", "externalName", "externalIPs", "externalTrafficPolicy")}
        if who == "tenant again":
            tenant.remove(SERVICE_KIND, "default", "s")
            if not tried(lambda: tenant.put(SERVICE_KIND, {"metadata": {"namespace": "default", "name": "s"}, "spec": spec})):
                return
        elif who == "host gone":
            tried(lambda: host.remove(SERVICE_KIND, "acme-default", "s"))
        else:
            cluster, namespace = (tenant, "default") if who == "tenant" else (host, "acme-default")
            tried(lambda cluster=cluster, namespace=namespace, change=everything: cluster.edit(SERVICE_KIND, namespace, "s", {"spec": change}))
        await rested(pair)


def tried(step: Any) -> bool:
    try:
        step()
    except ApiError:
        return False
    return True


async def rested(pair: Pair) -> None:
    """At rest, and either one address on both sides or a conflict that was told."""
    done = await pair.settle(BY_NAME["services"], "default", "s")
    assert sum(isinstance(action, Recreate) and action.side is Side.TENANT for action in done) <= 1
    mine, theirs = await pair.get(Side.TENANT, SERVICE_KIND, "default", "s"), await pair.get(Side.HOST, SERVICE_KIND, "acme-default", "s")
    assert mine is not None
    assert theirs is not None
    told = "kled.io/tenant-ip" in (theirs["metadata"].get("annotations") or {})
    assert told or mine["spec"].get("clusterIPs") == theirs["spec"].get("clusterIPs")
    assert mine["spec"]["type"] == theirs["spec"]["type"]
    # A number that the host did not give (allocateLoadBalancerNodePorts: false) cannot be taken from the tenant's service: its server keeps it.
    pairs = zip(mine["spec"].get("ports") or (), theirs["spec"].get("ports") or (), strict=True)
    assert all(one.get("nodePort") == other["nodePort"] for one, other in pairs if other.get("nodePort"))
    ref = Ref(SERVICE_KIND.plural, "default", "s")
    assert all(action.ref in (ref, Ref(SERVICE_KIND.plural, "acme-default", "s")) for action in done if hasattr(action, "ref"))

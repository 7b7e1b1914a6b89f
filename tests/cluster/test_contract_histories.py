"""Random histories on both servers at once: every step has the same outcome and leaves the same object behind, but for what is made by chance.

What the contract spells out are the rules we know to matter; this looks for those we did not think of.
"""

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncer.cluster.api import Api
from syncer.cluster.connect import connect
from syncer.cluster.transport import Transport
from syncer.core.errors import NotFound, SyncerError
from syncer.core.objects import CONFIGMAPS, NAMESPACES, PODS, SECRETS, SERVICES, Resource, Side
from syncer.testing import SimulatedCluster
from tools.planes import ControlPlane

pytestmark = pytest.mark.planes

BY_CHANCE = {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "lastTransitionTime", "clusterIP", "nodePort", "healthCheckNodePort"}
NAMES = st.sampled_from(["a", "a", "a", "b"])
LABELS = st.fixed_dictionaries({"labels": st.none() | st.dictionaries(st.sampled_from("xy"), st.sampled_from(["", "1"]), max_size=2)})
FINALIZERS = st.fixed_dictionaries({"finalizers": st.none() | st.lists(st.sampled_from(["example.com/a", "example.com/b"]), max_size=2, unique=True)})
METADATA = st.just({}) | LABELS | FINALIZERS
DATA = st.none() | st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["AA==", "AQ=="]), max_size=2)
SOMETHING = st.none() | st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["AA==", "AQ=="]), min_size=1, max_size=2)
LESS = st.none() | st.dictionaries(st.sampled_from(["k", "l"]), st.none() | st.sampled_from(["AA==", "AQ=="]), max_size=2)
FLAG = st.none() | st.booleans()


def body(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these fields."""
    return st.fixed_dictionaries({"metadata": METADATA}, optional=fields)


def container(image: str = "app:1", **more: Any) -> dict[str, Any]:
    return {"name": "main", "image": image, **more}


def some(fields: dict[str, st.SearchStrategy[Any]], most: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """A few of these fields."""
    keys = st.lists(st.sampled_from(sorted(fields)), max_size=most)
    return keys.flatmap(lambda chosen: st.fixed_dictionaries({key: fields[key] for key in sorted(set(chosen))}))


def with_some(plain: dict[str, Any], fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return some(fields).map(lambda more: {**plain, **more})


CONTAINERS = st.sampled_from(
    [
        [container()],
        [container("app:2")],
        [container(args=["x"])],
        [container(), {"name": "side", "image": "app:1"}],
        [container(resources={"requests": {"cpu": "1"}})],
        [],
    ]
)
POD = {
    "containers": CONTAINERS,
    "nodeName": st.sampled_from(["n1", "n2"]),
    "terminationGracePeriodSeconds": st.sampled_from([0, 5, 60]),
    "activeDeadlineSeconds": st.none() | st.sampled_from([10, 20]),
    "nodeSelector": st.none() | st.just({"a": "b"}),
    "tolerations": st.none() | st.just([{"key": "k", "operator": "Exists"}]),
    "restartPolicy": st.sampled_from(["Never", "Always"]),
}
POD_STATUS = {
    "phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
    "podIP": st.none() | st.sampled_from(["192.0.2.1", "192.0.2.2"]),
    "conditions": st.none() | st.just([{"type": "Ready", "status": "True"}]),
    "message": st.none() | st.just("m"),
}
PORTS = st.sampled_from([[{"port": 80}], [{"port": 81, "name": "x"}], [{"port": 80, "name": "x"}, {"port": 81, "name": "y"}]])
SERVICE = {
    "type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
    "clusterIP": st.none() | st.sampled_from(["None", "", "192.0.2.1"]),
    "ports": st.none() | PORTS,
    "selector": st.none() | st.dictionaries(st.sampled_from("xy"), st.just("1"), max_size=1),
    "externalName": st.none() | st.just("example.com"),
    "externalIPs": st.none() | st.just(["192.0.2.9"]),
    "externalTrafficPolicy": st.none() | st.sampled_from(["Cluster", "Local"]),
    "sessionAffinity": st.none() | st.sampled_from(["None", "ClientIP"]),
    "publishNotReadyAddresses": FLAG,
}
BODIES = {
    CONFIGMAPS: body(data=DATA, immutable=FLAG),
    SECRETS: body(data=DATA, stringData=DATA, immutable=FLAG, type=st.sampled_from(["Opaque", "example.com/t"])),
    PODS: st.fixed_dictionaries({"metadata": METADATA, "spec": with_some({"containers": [container()]}, POD)}),
    SERVICES: st.fixed_dictionaries({"metadata": METADATA, "spec": with_some({"ports": [{"port": 80}]}, SERVICE)}),
}
# An immutable Secret without data takes an empty map for a change (a ConfigMap does not); nobody sends one.
PATCHES = {
    CONFIGMAPS: body(data=LESS, immutable=FLAG),
    SECRETS: body(data=SOMETHING, stringData=DATA, immutable=FLAG, type=st.sampled_from(["Opaque", "example.com/t"])),
    PODS: body(spec=some(POD), status=some(POD_STATUS)),
    SERVICES: body(spec=some(SERVICE)),
}
Step = tuple[str, Resource, str, Any]


@st.composite
def steps(draw: st.DrawFn, kind: Resource) -> Step:
    more = ("status", "status", "bind", "evict") if kind is PODS else ()
    verb = draw(st.sampled_from(["create", "patch", "patch", "patch", "patch", "delete", *more]))
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "create": BODIES[kind],
        "patch": PATCHES[kind],
        "status": body(status=some(POD_STATUS)),
        "delete": st.sampled_from([None, 0, 5, 90]),
    }
    return verb, kind, draw(NAMES), draw(strategies.get(verb, st.none()))


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Of one kind, so that something happens; mostly of one object."""
    kind = draw(st.sampled_from(list(BODIES)))
    first: Step = ("create", kind, "a", draw(BODIES[kind]))
    return [first, *draw(st.lists(steps(kind), min_size=3, max_size=15))]


async def take(api: Api, namespace: str, step: Step) -> str:
    """The outcome in a word: the error, or whether anything was written."""
    verb, kind, name, what = step
    try:
        match verb:
            case "create":
                await api.create(kind, namespace, {**what, "metadata": {**what["metadata"], "name": name}})
            case "patch" | "status":
                before = await api.get(kind, namespace, name)
                after = await api.patch(kind, namespace, name, what, subresource="status" if verb == "status" else "")
                return "nothing to do" if before.meta.resourceVersion == after.meta.resourceVersion else "ok"
            case "delete":
                uid = (await api.get(kind, namespace, name)).meta.uid
                await api.delete(kind, namespace, name, uid=uid, grace=what)
            case "bind":
                await api.create(kind, namespace, {"metadata": {"name": name}, "target": {"name": "n1"}}, name=name, subresource="binding")
            case "evict":
                await api.create(kind, namespace, {"metadata": {"name": name}}, name=name, subresource="eviction")
    except SyncerError as error:
        return type(error).__name__
    return "ok"


async def left(api: Api, namespace: str, kind: Resource, name: str) -> Any:
    try:
        return masked((await api.get(kind, namespace, name)).obj())
    except NotFound:
        return None


def masked(value: Any, key: str = "") -> Any:
    """With a sign in the place of what is made by chance."""
    if isinstance(value, dict):
        return {name: masked(item, name) for name, item in value.items() if name != "namespace"}
    if key == "clusterIPs":
        return ["None" if item == "None" else "?" for item in value]
    if key in BY_CHANCE and value not in (None, "None"):
        return "?"
    return [masked(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane("histories", scheduler=False, controller_manager=False, audit=False) as plane:
        yield plane


_numbers = itertools.count()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(histories())
def test_both_servers_tell_the_same_story(plane: ControlPlane, history: list[Step]) -> None:
    async def main() -> None:
        namespace = f"story-{uuid.uuid4().hex[:12]}"
        simulated = SimulatedCluster(Side.HOST)
        async with Transport(connect(Side.HOST, plane.kubeconfig)) as real:
            for api in (real, simulated):
                await api.create(NAMESPACES, "", {"metadata": {"name": namespace}})
            for number, step in enumerate(history):
                outcomes = [await take(api, namespace, step) for api in (real, simulated)]
                objects = [await left(api, namespace, step[1], step[2]) for api in (real, simulated)]
                assert outcomes[1] == outcomes[0], f"step {number}: {step}"
                assert objects[1] == objects[0], f"step {number}: {step}"

    asyncio.run(main())

"""Random histories: everybody does what they like, in any order and at any speed, things break; then all faults end and everything must be right.

A history is a sequence of bursts. Within one, time passes only where a rule says so, so that what belongs together often collides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from syncer.core import stamp as stamps
from syncer.core.objects import CONFIGMAPS, EVENTS, NAMESPACES, PODS, SECRETS, SERVICES, Resource, Side
from syncer.testing import Snapshot
from tests.world import universe
from tests.world.check import Checks
from tests.world.safety import OVER
from tests.world.world import SEPARATE, Variant, World

Obj = Mapping[str, Any]
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
KINDS = {kind.plural: kind for kind in (CONFIGMAPS, SECRETS, SERVICES, PODS)}

namespaces = st.sampled_from(universe.NAMESPACES_OF_TENANT)
names = st.sampled_from(universe.NAMES)
kinds = st.sampled_from([CONFIGMAPS, SECRETS, SERVICES, PODS])
values = st.sampled_from(["MQ==", "Mg==", "Mw=="])
some = st.lists(names, max_size=2, unique=True)
picks = st.integers(0, 11)
sides = st.sampled_from([Side.TENANT, Side.HOST])
moments = st.sampled_from(["before", "after"])
answers = st.lists(st.sampled_from(["conflict", "throttled", "broken", "refused", "lost"]), min_size=1, max_size=4)


class History(RuleBasedStateMachine):
    variant: ClassVar[Variant] = SEPARATE

    @initialize(seed=st.integers(0, 3))
    def begin(self, seed: int) -> None:
        self.world = World(self.variant, seed=seed)
        self.checks = Checks(self.world)
        self.backup: Snapshot | None = None
        self.world.start()
        self.world.settle(3)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.rest()
            self.checks.restart_writes_nothing()
        finally:
            self.world.close()

    # --- time

    @rule(seconds=st.sampled_from([0.005, 0.02, 0.1, 1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(seconds=st.integers(1, 4))
    def everybody_works(self, seconds: int) -> None:
        self.world.settle(seconds)

    @rule()
    def rest(self) -> None:
        self.world.rest()
        self.checks.at_rest()

    # --- the tenant's users

    @rule(namespace=namespaces, name=names, kind=st.sampled_from([CONFIGMAPS, SECRETS, SERVICES]), value=values)
    def create_content(self, namespace: str, name: str, kind: Resource, value: str) -> None:
        self.world.tenant_put(kind, _made(kind, namespace, name, value))

    @rule(namespace=namespaces, name=names, configmaps=some, secrets=some, optional=some, grace=st.sampled_from([0, 1, 30]))
    def create_pod(self, namespace: str, name: str, configmaps: list[str], secrets: list[str], optional: list[str], grace: int) -> None:
        self.world.tenant_put(PODS, universe.pod(namespace, name, configmaps=configmaps, secrets=secrets, optional=optional, grace=grace))

    @rule(namespace=namespaces, name=names)
    def create_pod_and_what_it_uses(self, namespace: str, name: str) -> None:
        self.world.tenant_put(CONFIGMAPS, universe.content(namespace, name))
        self.world.tenant_put(PODS, universe.pod(namespace, name, configmaps=[name]))

    @rule(pick=picks, kind=kinds, value=values)
    def edit(self, pick: int, kind: Resource, value: str) -> None:
        obj = self._pick_tenant(pick, kind)
        if obj is not None:
            self._tenant_edit(pick, kind, _change(kind, obj, value))

    @rule(pick=picks, kind=kinds, value=st.sampled_from(["1", "2", None]))
    def label(self, pick: int, kind: Resource, value: str | None) -> None:
        self._tenant_edit(pick, kind, {"metadata": {"labels": {"user-label": value}, "annotations": {"user-note": value}}})

    @rule(pick=picks, kind=kinds)
    def pretend_to_be_the_syncer(self, pick: int, kind: Resource) -> None:
        marks = {stamps.TENANT: "other", stamps.TRANSLATOR: "pods", stamps.NAMESPACE: "x"}
        self._tenant_edit(pick, kind, {"metadata": {"labels": marks, "annotations": {stamps.SOURCE_UID: "1", stamps.SOURCE_NAME: "x"}}})

    @rule(pick=picks, phase=st.sampled_from(["Running", "Succeeded", "Pending"]))
    def edit_status(self, pick: int, phase: str) -> None:
        self._tenant_edit(pick, PODS, {"status": {"phase": phase}}, subresource="status")

    @rule(pick=picks, kind=kinds, grace=st.sampled_from([None, 0, 5]))
    def delete(self, pick: int, kind: Resource, grace: int | None) -> None:
        self._tenant_delete(self._pick_tenant(pick, kind), kind, grace)

    @rule(pick=picks, kind=kinds, value=values)
    def replace_by_same_name(self, pick: int, kind: Resource, value: str) -> None:
        obj = self._pick_tenant(pick, kind)
        if obj is not None:
            self._tenant_delete(obj, kind, 0)
            meta = obj["metadata"]
            made = universe.pod(meta["namespace"], meta["name"]) if kind is PODS else _made(kind, meta["namespace"], meta["name"], value)
            self.world.tenant_put(kind, made)

    @rule(name=namespaces)
    def delete_namespace(self, name: str) -> None:
        self.world.attempt(lambda: self.world.tenant.remove(NAMESPACES, "", name))

    @rule(name=namespaces)
    def create_namespace(self, name: str) -> None:
        self.world.tenant_put(NAMESPACES, universe.namespace(name))
        self.world.everybody()

    # --- third parties on the host

    @rule(namespace=namespaces, name=names, kind=kinds)
    def foreign_object(self, namespace: str, name: str, kind: Resource) -> None:
        """Under the very name that the copy of a tenant object would get."""
        place = self.world.names.namespace(namespace), self.world.names.name(kind, namespace, name)
        self.world.attempt(lambda: self.world.host.put(kind, _foreign(kind, str(place[0]), place[1]), user="foreigner"))

    @rule(pick=picks, kind=kinds)
    def foreign_object_leaves(self, pick: int, kind: Resource) -> None:
        found = [obj for obj in self.world.host.all(kind) if "foreign" in (obj["metadata"].get("labels") or {})]
        if found:
            meta = found[pick % len(found)]["metadata"]
            self.world.attempt(lambda: self.world.host.remove(kind, meta["namespace"], meta["name"], grace=0))

    @rule(pick=picks, kind=kinds, value=values)
    def host_edit(self, pick: int, kind: Resource, value: str) -> None:
        obj = self._pick_copy(pick, kind)
        if obj is not None:
            self._host_edit(pick, kind, _change(kind, obj, value))

    @rule(pick=picks, kind=kinds)
    def host_label(self, pick: int, kind: Resource) -> None:
        self._host_edit(pick, kind, {"metadata": {"labels": {"third-party": "1"}}})

    @rule(pick=picks, kind=st.sampled_from([CONFIGMAPS, SECRETS, SERVICES]), whole=st.booleans())
    def host_strips_our_stamp(self, pick: int, kind: Resource, whole: bool) -> None:
        """From then on the object is nobody's that we know."""
        gone = {stamps.SOURCE_UID: None, stamps.SOURCE_NAME: None}
        labels = {stamps.TENANT: None, stamps.TRANSLATOR: None, "foreign": "1"} if whole else {"foreign": "1"}
        self._host_edit(pick, kind, {"metadata": {"labels": labels, "annotations": gone}})

    @rule(pick=picks, kind=kinds, grace=st.sampled_from([None, 0]))
    def host_delete(self, pick: int, kind: Resource, grace: int | None) -> None:
        obj = self._pick_copy(pick, kind)
        if obj is not None:
            meta = obj["metadata"]
            self.world.attempt(lambda: self.world.host.remove(kind, meta["namespace"], meta["name"], grace=grace))

    @rule(pick=picks, kind=st.sampled_from([ACCOUNTS, NAMESPACES]))
    def host_deletes_what_we_prepared(self, pick: int, kind: Resource) -> None:
        found = self.world.host.all(kind, selector=f"{stamps.TENANT}=t")
        if found:
            meta = found[pick % len(found)]["metadata"]
            self.world.attempt(lambda: self.world.host.remove(kind, meta.get("namespace", ""), meta["name"]))

    @rule(pick=picks, act=st.sampled_from(["evict", "complete", "unready", "start"]))
    def kubelet_acts(self, pick: int, act: str) -> None:
        found = [pod for pod in self.world.host.all(PODS) if pod["spec"].get("nodeName") and pod["status"]["phase"] not in OVER]
        if found:
            meta = found[pick % len(found)]["metadata"]
            self.world.attempt(lambda: getattr(self.world.kubelet, act)(meta["namespace"], meta["name"]))

    @rule(pick=picks)
    def host_event(self, pick: int) -> None:
        obj = self._pick_copy(pick, PODS)
        if obj is not None:
            meta = obj["metadata"]
            about = {"kind": "Pod", "apiVersion": "v1", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
            said = {"involvedObject": about, "reason": "Pulled", "message": "pulled", "type": "Normal", "source": {"component": "kubelet"}}
            made = {"metadata": {"namespace": meta["namespace"], "generateName": "event-"}, **said}
            self.world.attempt(lambda: self.world.host.put(EVENTS, made))

    # --- drivers, one by one

    @rule(who=st.sampled_from(["tenant_scheduler", "host_scheduler", "kubelet"]))
    def one_of_them_works(self, who: str) -> None:
        self.world.do(getattr(self.world, who).step)

    # --- the syncer's own troubles

    @rule(write=st.integers(1, 6), moment=moments)
    def crash_at_a_write(self, write: int, moment: Any) -> None:
        self.world.faults.crash_at(write, moment)

    @rule()
    def crash(self) -> None:
        self.world.crash()

    @rule()
    def start(self) -> None:
        if not self.world.alive:
            self.world.start()

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @precondition(lambda self: len(self.world.alive) == 1)
    @rule()
    def a_second_syncer(self) -> None:
        self.world.start()

    @precondition(lambda self: len(self.world.alive) == 2)
    @rule()
    def one_syncer_dies(self) -> None:
        self.world.kill(self.world.alive[0])

    # --- the servers' troubles

    @rule(given=answers)
    def bad_answers(self, given: Any) -> None:
        self.world.faults.answer(given)

    @rule(side=sides, seconds=st.sampled_from([1.0, 20.0]))
    def unreachable(self, side: Side, seconds: float) -> None:
        cluster = self._cluster(side)

        def fall() -> None:
            cluster.down = True

        self.world.do(fall)
        self.world.wait(seconds)
        cluster.down = False

    @rule(side=sides)
    def watches_are_cut(self, side: Side) -> None:
        self.world.do(self._cluster(side).cut_watches)

    @rule(side=sides)
    def compaction(self, side: Side) -> None:
        self.world.do(self._cluster(side).compact)
        self.world.do(self._cluster(side).cut_watches)

    @rule(side=sides)
    def watches_lose_everything(self, side: Side) -> None:
        self.world.faults.blind(side)

    @rule(side=sides)
    def watches_are_held(self, side: Side) -> None:
        self.world.do(self._cluster(side).hold_watches)

    @rule(seconds=st.sampled_from([0.05, 1.0, 8.0]))
    def watches_are_late(self, seconds: float) -> None:
        self.world.faults.delay(seconds)

    @rule()
    def watches_repeat_themselves(self) -> None:
        self.world.faults.repeat()

    @rule()
    def faults_end(self) -> None:
        self.world.heal()

    # --- backups

    @rule()
    def tenant_is_backed_up(self) -> None:
        self.backup = self.world.tenant.snapshot()

    @precondition(lambda self: self.backup is not None)
    @rule(bump=st.sampled_from([0, 1000]))
    def tenant_is_restored(self, bump: int) -> None:
        """With numbers that go on, as etcd's manual wants it; else only while nobody watches, since a watch from the future is silent for ever."""
        assert self.backup is not None
        backup = self.backup
        if not bump:
            self.world.crash()
        self.world.do(lambda: self.world.tenant.restore(backup, bump=bump))
        self.checks.tenant_restored()

    # --- helpers

    def _cluster(self, side: Side) -> Any:
        return self.world.tenant if side is Side.TENANT else self.world.host

    def _pick_tenant(self, pick: int, kind: Resource) -> Obj | None:
        found = [obj for obj in self.world.tenant.all(kind) if obj["metadata"]["namespace"] in universe.NAMESPACES_OF_TENANT]
        return found[pick % len(found)] if found else None

    def _pick_copy(self, pick: int, kind: Resource) -> Obj | None:
        found = self.world.host.all(kind, selector=f"{stamps.TENANT}=t,{stamps.TRANSLATOR}={kind.plural}")
        return found[pick % len(found)] if found else None

    def _tenant_edit(self, pick: int, kind: Resource, patch: Obj, subresource: str = "") -> None:
        obj = self._pick_tenant(pick, kind)
        if obj is not None:
            meta = obj["metadata"]
            self.world.attempt(
                lambda: self.world.tenant.edit(kind, meta["namespace"], meta["name"], patch, subresource=subresource, user="tenant-user")
            )

    def _tenant_delete(self, obj: Obj | None, kind: Resource, grace: int | None) -> None:
        if obj is not None:
            meta = obj["metadata"]
            self.world.attempt(
                lambda: self.world.tenant.remove(kind, meta["namespace"], meta["name"], grace=grace if kind is PODS else None, user="tenant-user")
            )

    def _host_edit(self, pick: int, kind: Resource, patch: Obj) -> None:
        obj = self._pick_copy(pick, kind)
        if obj is not None:
            meta = obj["metadata"]
            self.world.attempt(lambda: self.world.host.edit(kind, meta["namespace"], meta["name"], patch, user="third-party"))


def _made(kind: Resource, namespace: str, name: str, value: str) -> dict[str, Any]:
    if kind is CONFIGMAPS:
        return universe.content(namespace, name, value)
    if kind is SECRETS:
        return universe.secret(namespace, name, value, type_="kubernetes.io/tls" if value == "Mw==" else "Opaque")
    return universe.service(namespace, name, port=ord(value[1]))


def _foreign(kind: Resource, namespace: str, name: str) -> dict[str, Any]:
    made = universe.pod(namespace, name) if kind is PODS else _made(kind, namespace, name, "Zg==")
    return {**made, "metadata": {**made["metadata"], "labels": {"foreign": "1"}}}


def _change(kind: Resource, obj: Obj, value: str) -> dict[str, Any]:
    match kind.plural:
        case "pods":
            return universe.other_image(obj, f"image:{ord(value[1])}")
        case "services":
            return {"spec": {"ports": [{"port": ord(value[1]), "protocol": "TCP"}]}}
        case _:
            return {"data": {"key": value}}

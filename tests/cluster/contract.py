"""What an API server does, as far as the syncer depends on it: one suite, kept by the simulation and by kube-apiserver alike.

`test_contract_simulated.py` and `test_contract_real.py` import these classes and bring the fixture `cluster`. Wherever the two differ, the
simulation is wrong.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from syncer.cluster.api import Api, Change
from syncer.cluster.wire import Entry
from syncer.core.errors import AlreadyExists, ApiError, Conflict, Forbidden, Gone, Invalid, NotFound, Throttled
from syncer.core.objects import (
    CONFIGMAPS,
    ENDPOINTSLICES,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    ROLEBINDINGS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICECIDRS,
    SERVICES,
    Resource,
)
from syncer.core.project import apply_merge_patch

Obj = dict[str, Any]
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")


@dataclass
class Cluster:
    """An API server with an empty namespace for one test. `unique` is a label that no other test uses for cluster-scoped names."""

    api: Api
    namespace: str
    unique: str
    forget_past: Callable[[], Awaitable[None]]

    async def make(self, resource: Resource, name: str, namespace: str | None = None, **body: Any) -> Entry:
        meta = {"name": name, **body.pop("metadata", {})}
        return await self.api.create(resource, self._where(resource, namespace), {**body, "metadata": meta})

    async def obj(self, resource: Resource, name: str, namespace: str | None = None) -> Obj:
        return (await self.api.get(resource, self._where(resource, namespace), name)).obj()

    async def patch(self, resource: Resource, name: str, patch: Obj, subresource: str = "") -> Entry:
        return await self.api.patch(resource, self._where(resource, None), name, patch, subresource=subresource)

    async def delete(self, resource: Resource, name: str, grace: int | None = None) -> None:
        """With the right uid."""
        entry = await self.api.get(resource, self._where(resource, None), name)
        await self.api.delete(resource, self._where(resource, None), name, uid=entry.meta.uid, grace=grace)

    async def gone(self, resource: Resource, name: str) -> bool:
        try:
            await self.api.get(resource, self._where(resource, None), name)
        except NotFound:
            return True
        return False

    async def pod(self, name: str, metadata: Mapping[str, Any] | None = None, **spec: Any) -> Entry:
        return await self.make(PODS, name, metadata=metadata or {}, spec={"containers": [{"name": "main", "image": "app:1"}], **spec})

    async def service(self, name: str, **spec: Any) -> Obj:
        await self.make(SERVICES, name, spec={"ports": [{"port": 80}], "selector": {"app": "a"}, **spec})
        return await self.obj(SERVICES, name)

    async def post(self, resource: Resource, name: str, subresource: str, body: Obj) -> Entry:
        return await self.api.create(resource, self.namespace, body, name=name, subresource=subresource)

    async def bind(self, name: str, node: str = "node-1", **metadata: str) -> None:
        await self.post(PODS, name, "binding", {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}})

    async def version(self, resource: Resource = CONFIGMAPS) -> str:
        return (await self.api.list(resource, self.namespace)).resource_version

    def _where(self, resource: Resource, namespace: str | None) -> str:
        return "" if not resource.namespaced else self.namespace if namespace is None else namespace


async def changes(cluster: Cluster, resource: Resource, count: int, **how: Any) -> list[Change]:
    """The first `count` changes of a watch, bookmarks in the middle left out."""
    found: list[Change] = []
    async with asyncio.timeout(20):
        async for batch in cluster.api.watch(resource, cluster.namespace, **how):
            found += [change for change in batch if change.type != "BOOKMARK" or change.initial_end]
            if len(found) >= count:
                break
    return found


def told(found: list[Change]) -> list[tuple[str, str]]:
    return [(change.type, change.entry.meta.name if change.entry else "") for change in found]


class TestMetadata:
    async def test_creation_answers_with_uid_version_and_time(self, cluster: Cluster) -> None:
        made = await cluster.make(CONFIGMAPS, "a", data={"k": "v"})
        assert made.meta.uid
        assert int(made.meta.resourceVersion) > 0
        assert made.meta.creationTimestamp
        assert (made.meta.name, made.meta.namespace) == ("a", cluster.namespace)
        assert (await cluster.obj(CONFIGMAPS, "a"))["data"] == {"k": "v"}

    async def test_what_the_client_says_about_system_fields_is_lost(self, cluster: Cluster) -> None:
        lies = {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "deletionTimestamp": "2001-01-01T00:00:00Z", "generation": 7}
        made = await cluster.pod("p", lies)
        assert made.meta.uid != "mine"
        assert not (made.meta.creationTimestamp or "").startswith("2001")
        assert made.meta.deletionTimestamp is None
        assert made.meta.generation == 1

    async def test_versions_grow_over_all_kinds(self, cluster: Cluster) -> None:
        first = await cluster.make(CONFIGMAPS, "a")
        second = await cluster.make(SECRETS, "a")
        third = await cluster.patch(CONFIGMAPS, "a", {"data": {"k": "v"}})
        assert int(first.meta.resourceVersion) < int(second.meta.resourceVersion) < int(third.meta.resourceVersion)

    async def test_generate_name_adds_a_suffix(self, cluster: Cluster) -> None:
        names = {(await cluster.make(CONFIGMAPS, "", metadata={"generateName": "x-"})).meta.name for _ in range(3)}
        assert len(names) == 3
        assert all(name.startswith("x-") and len(name) == 7 for name in names)

    async def test_the_same_name_twice_is_refused(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a")
        with pytest.raises(AlreadyExists):
            await cluster.make(CONFIGMAPS, "a")

    async def test_a_version_on_creation_is_refused(self, cluster: Cluster) -> None:
        with pytest.raises(ApiError):
            await cluster.make(CONFIGMAPS, "a", metadata={"resourceVersion": "5"})

    @pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a..b", "a/b", "a" * 254])
    async def test_a_name_that_is_none_is_invalid(self, cluster: Cluster, name: str) -> None:
        with pytest.raises(Invalid):
            await cluster.make(CONFIGMAPS, name)

    @pytest.mark.parametrize(
        "metadata", [{"labels": {"a": "ü"}}, {"labels": {"a b": "c"}}, {"labels": {"a": "b" * 64}}, {"annotations": {"a b": ""}}]
    )
    async def test_labels_and_annotation_keys_have_a_form(self, cluster: Cluster, metadata: Obj) -> None:
        with pytest.raises(Invalid):
            await cluster.make(CONFIGMAPS, "a", metadata=metadata)

    async def test_another_namespace_in_the_body_is_refused(self, cluster: Cluster) -> None:
        with pytest.raises(Invalid):
            await cluster.make(CONFIGMAPS, "a", metadata={"namespace": "default"})

    async def test_generation_counts_changes_of_the_spec_of_kinds_that_have_one(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        await cluster.make(ENDPOINTSLICES, "e", addressType="IPv4", endpoints=[{"addresses": ["192.0.2.1"]}])
        await cluster.service("s")
        assert (await cluster.patch(PODS, "p", {"metadata": {"labels": {"a": "b"}}})).meta.generation == 1
        assert (await cluster.patch(PODS, "p", {"spec": {"activeDeadlineSeconds": 9}})).meta.generation == 2
        assert (await cluster.patch(ENDPOINTSLICES, "e", {"endpoints": [{"addresses": ["192.0.2.2"]}]})).meta.generation == 2
        assert (await cluster.patch(SERVICES, "s", {"spec": {"selector": {"app": "b"}}})).meta.generation == 0

    async def test_what_is_not_there_is_not_found(self, cluster: Cluster) -> None:
        with pytest.raises(NotFound):
            await cluster.obj(CONFIGMAPS, "a")
        with pytest.raises(NotFound):
            await cluster.patch(CONFIGMAPS, "a", {})
        with pytest.raises(NotFound):
            await cluster.api.delete(CONFIGMAPS, cluster.namespace, "a", uid="x")


class TestPatch:
    @pytest.mark.parametrize(
        "patch",
        [
            {"data": {"a": None}},
            {"data": {"a": "2", "c": "3"}},
            {"data": None},
            {"data": {"nothing": None}},
            {"metadata": {"labels": {"x": None}}},
            {"metadata": {"labels": {"y": "2"}, "annotations": {"n": "1"}}},
            {"metadata": {"annotations": None}},
            {"data": {"a": "2"}, "immutable": True},
        ],
    )
    async def test_it_merges_as_the_core_merges(self, cluster: Cluster, patch: Obj) -> None:
        await cluster.make(CONFIGMAPS, "a", metadata={"labels": {"x": "1"}, "annotations": {"m": "0"}}, data={"a": "1", "b": "2"})
        before = await cluster.obj(CONFIGMAPS, "a")
        await cluster.patch(CONFIGMAPS, "a", patch)
        after, expected = await cluster.obj(CONFIGMAPS, "a"), apply_merge_patch(before, patch)
        for part in ("data", "immutable"):
            assert (after.get(part) or {}) == (expected.get(part) or {})
        for part in ("labels", "annotations"):
            assert (after["metadata"].get(part) or {}) == (expected["metadata"].get(part) or {})

    async def test_what_changes_nothing_leaves_the_version(self, cluster: Cluster) -> None:
        made = await cluster.make(CONFIGMAPS, "a", data={"k": "v"})
        again = await cluster.patch(CONFIGMAPS, "a", {"metadata": {"uid": made.meta.uid}, "data": {"k": "v", "gone": None}})
        assert again.meta.resourceVersion == made.meta.resourceVersion

    @pytest.mark.parametrize("precondition", [{"uid": "another"}, {"resourceVersion": "1"}])
    @pytest.mark.parametrize("data", [{"k": "v"}, {"k": "other"}])
    async def test_a_precondition_that_fails_is_a_conflict_even_if_nothing_would_change(self, cluster: Cluster, precondition: Obj, data: Obj) -> None:
        await cluster.make(CONFIGMAPS, "a", data={"k": "v"})
        with pytest.raises(Conflict):
            await cluster.patch(CONFIGMAPS, "a", {"metadata": precondition, "data": data})
        assert (await cluster.obj(CONFIGMAPS, "a"))["data"] == {"k": "v"}

    @pytest.mark.parametrize("precondition", [{"uid": "another"}, {"resourceVersion": "1"}])
    async def test_preconditions_hold_on_the_status_too(self, cluster: Cluster, precondition: Obj) -> None:
        await cluster.pod("p")
        with pytest.raises(Conflict):
            await cluster.patch(PODS, "p", {"metadata": precondition, "status": {"phase": "Running"}}, "status")

    async def test_the_version_that_is_there_is_accepted(self, cluster: Cluster) -> None:
        made = await cluster.make(CONFIGMAPS, "a")
        await cluster.patch(CONFIGMAPS, "a", {"metadata": {"resourceVersion": made.meta.resourceVersion}, "data": {"k": "v"}})
        with pytest.raises(Conflict):
            await cluster.patch(CONFIGMAPS, "a", {"metadata": {"resourceVersion": made.meta.resourceVersion}, "data": {"k": "w"}})

    @pytest.mark.parametrize("metadata", [{"name": "b"}, {"namespace": "b"}, {"deletionTimestamp": "2001-01-01T00:00:00Z"}])
    async def test_identity_and_deletion_cannot_be_patched(self, cluster: Cluster, metadata: Obj) -> None:
        await cluster.make(CONFIGMAPS, "a")
        with pytest.raises(Invalid):
            await cluster.patch(CONFIGMAPS, "a", {"metadata": metadata})

    @pytest.mark.parametrize("metadata", [{"creationTimestamp": "2001-01-01T00:00:00Z"}, {"generation": 7}])
    async def test_other_system_fields_are_ignored(self, cluster: Cluster, metadata: Obj) -> None:
        made = await cluster.make(CONFIGMAPS, "a")
        assert (await cluster.patch(CONFIGMAPS, "a", {"metadata": metadata})).meta == made.meta

    async def test_values_of_the_wrong_type_are_invalid(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a")
        for patch in ({"data": {"a": 1}}, {"metadata": {"labels": {"a": 1}}}, {"data": {"a/b": "c"}}):
            with pytest.raises(Invalid):
                await cluster.patch(CONFIGMAPS, "a", patch)


class TestStatus:
    async def test_a_patch_of_the_object_leaves_the_status(self, cluster: Cluster) -> None:
        made = await cluster.pod("p")
        again = await cluster.patch(PODS, "p", {"status": {"phase": "Running"}})
        assert again.meta.resourceVersion == made.meta.resourceVersion
        assert (await cluster.obj(PODS, "p"))["status"]["phase"] == "Pending"

    async def test_a_patch_of_the_status_leaves_the_spec_but_not_the_labels(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        patch = {"metadata": {"labels": {"a": "b"}}, "spec": {"activeDeadlineSeconds": 1}, "status": {"phase": "Running"}}
        await cluster.patch(PODS, "p", patch, "status")
        pod = await cluster.obj(PODS, "p")
        assert pod["status"]["phase"] == "Running"
        assert "activeDeadlineSeconds" not in pod["spec"]
        assert pod["metadata"]["labels"] == {"a": "b"}
        assert pod["metadata"]["generation"] == 1

    async def test_a_status_given_on_creation_is_lost(self, cluster: Cluster) -> None:
        await cluster.make(PODS, "p", spec={"containers": [{"name": "main", "image": "app:1"}]}, status={"phase": "Running"})
        assert (await cluster.obj(PODS, "p"))["status"] == {"phase": "Pending", "qosClass": "BestEffort"}

    async def test_conditions_of_pods_show_absent_times_as_null(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        await cluster.patch(PODS, "p", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, "status")
        condition = (await cluster.obj(PODS, "p"))["status"]["conditions"][0]
        assert condition == {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}

    async def test_so_do_container_states(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        state = {"name": "main", "image": "app:1", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {}}}
        state["lastState"] = {"terminated": {"exitCode": 1}}
        await cluster.patch(PODS, "p", {"status": {"containerStatuses": [state]}}, "status")
        found = (await cluster.obj(PODS, "p"))["status"]["containerStatuses"][0]
        assert found["state"] == {"running": {"startedAt": None}}
        assert found["lastState"] == {"terminated": {"exitCode": 1, "startedAt": None, "finishedAt": None}}

    async def test_the_address_of_a_pod_is_written_in_two_places_at_once(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        await cluster.patch(PODS, "p", {"status": {"podIP": "192.0.2.1"}}, "status")
        assert (await cluster.obj(PODS, "p"))["status"]["podIPs"] == [{"ip": "192.0.2.1"}]
        await cluster.patch(PODS, "p", {"status": {"podIP": "192.0.2.2"}}, "status")
        assert (await cluster.obj(PODS, "p"))["status"]["podIPs"] == [{"ip": "192.0.2.2"}]

    async def test_the_qos_class_stays(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        await cluster.patch(PODS, "p", {"status": {"qosClass": None}}, "status")
        assert (await cluster.obj(PODS, "p"))["status"]["qosClass"] == "BestEffort"

    async def test_kinds_without_it_have_no_status_endpoint(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a")
        with pytest.raises(NotFound):
            await cluster.patch(CONFIGMAPS, "a", {"status": {"a": "b"}}, "status")

    async def test_load_balancer_addresses_need_a_load_balancer(self, cluster: Cluster) -> None:
        await cluster.service("s")
        await cluster.service("l", type="LoadBalancer")
        address = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}}
        with pytest.raises(Invalid):
            await cluster.patch(SERVICES, "s", address, "status")
        await cluster.patch(SERVICES, "l", address, "status")
        assert (await cluster.obj(SERVICES, "l"))["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.9", "ipMode": "VIP"}]
        await cluster.patch(SERVICES, "l", {"spec": {"type": "ClusterIP"}})
        assert (await cluster.obj(SERVICES, "l"))["status"] == {"loadBalancer": {}}

    async def test_a_new_node_keeps_its_status_and_gets_a_taint(self, cluster: Cluster) -> None:
        await cluster.make(NODES, cluster.unique, status={"capacity": {"cpu": "1"}})
        node = await cluster.obj(NODES, cluster.unique)
        assert node["status"]["capacity"] == node["status"]["allocatable"] == {"cpu": "1"}
        assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
        patch = {"metadata": {"labels": {"a": "b"}}, "spec": {"unschedulable": True}, "status": {"capacity": {"cpu": "2"}}}
        await cluster.patch(NODES, cluster.unique, patch, "status")
        node = await cluster.obj(NODES, cluster.unique)
        assert (node["metadata"]["labels"], node["status"]["capacity"], node["spec"].get("unschedulable")) == ({"a": "b"}, {"cpu": "2"}, None)


class TestDeletion:
    async def test_it_goes_at_once(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a")
        await cluster.delete(CONFIGMAPS, "a")
        assert await cluster.gone(CONFIGMAPS, "a")

    async def test_another_uid_is_a_conflict(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a")
        with pytest.raises(Conflict):
            await cluster.api.delete(CONFIGMAPS, cluster.namespace, "a", uid="another")
        assert not await cluster.gone(CONFIGMAPS, "a")

    async def test_a_finalizer_keeps_it_and_its_removal_ends_it(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a", metadata={"finalizers": ["example.com/a", "example.com/b"]})
        await cluster.delete(CONFIGMAPS, "a")
        meta = (await cluster.obj(CONFIGMAPS, "a"))["metadata"]
        assert meta["deletionTimestamp"]
        assert meta["deletionGracePeriodSeconds"] == 0
        await cluster.delete(CONFIGMAPS, "a")
        await cluster.patch(CONFIGMAPS, "a", {"data": {"k": "v"}, "metadata": {"finalizers": ["example.com/b"]}})
        assert not await cluster.gone(CONFIGMAPS, "a")
        await cluster.patch(CONFIGMAPS, "a", {"metadata": {"finalizers": None}})
        assert await cluster.gone(CONFIGMAPS, "a")

    async def test_no_finalizer_is_added_on_the_way_out_and_no_way_leads_back(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a", metadata={"finalizers": ["example.com/a"]})
        await cluster.delete(CONFIGMAPS, "a")
        with pytest.raises(Invalid):
            await cluster.patch(CONFIGMAPS, "a", {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}})
        left = await cluster.patch(CONFIGMAPS, "a", {"metadata": {"deletionTimestamp": None}})
        assert left.meta.deletionTimestamp

    async def test_a_claim_is_protected(self, cluster: Cluster) -> None:
        await cluster.make(PERSISTENTVOLUMECLAIMS, "v", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
        await cluster.delete(PERSISTENTVOLUMECLAIMS, "v")
        assert (await cluster.obj(PERSISTENTVOLUMECLAIMS, "v"))["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


class TestNamespaces:
    async def test_a_namespace_that_is_not_there_takes_nothing(self, cluster: Cluster) -> None:
        with pytest.raises(NotFound):
            await cluster.make(CONFIGMAPS, "a", namespace=f"{cluster.unique}-none")

    async def test_a_new_one_is_active_labelled_and_finalized(self, cluster: Cluster) -> None:
        await cluster.make(NAMESPACES, cluster.unique)
        found = await cluster.obj(NAMESPACES, cluster.unique)
        assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": cluster.unique}
        assert (found["spec"], found["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})

    async def test_its_finalizers_and_its_label_stay(self, cluster: Cluster) -> None:
        made = await cluster.make(NAMESPACES, cluster.unique)
        patch = {"spec": {"finalizers": None}, "metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}}
        assert (await cluster.patch(NAMESPACES, cluster.unique, patch)).meta == made.meta

    async def test_one_that_ends_takes_nothing_new_and_says_so(self, cluster: Cluster) -> None:
        await cluster.make(NAMESPACES, cluster.unique)
        await cluster.make(CONFIGMAPS, "a", namespace=cluster.unique)
        await cluster.delete(NAMESPACES, cluster.unique)
        found = await cluster.obj(NAMESPACES, cluster.unique)
        assert found["status"] == {"phase": "Terminating"}
        assert "deletionGracePeriodSeconds" not in found["metadata"]
        with pytest.raises(Forbidden) as refused:
            await cluster.make(CONFIGMAPS, "b", namespace=cluster.unique)
        assert [cause.split(":")[0] for cause in refused.value.causes] == ["NamespaceTerminating"]
        await cluster.api.patch(CONFIGMAPS, cluster.unique, "a", {"data": {"k": "v"}})

    @pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
    async def test_the_clusters_own_stay(self, cluster: Cluster, name: str) -> None:
        with pytest.raises(Forbidden):
            await cluster.delete(NAMESPACES, name)

    async def test_a_name_is_a_label(self, cluster: Cluster) -> None:
        with pytest.raises(Invalid):
            await cluster.make(NAMESPACES, f"{cluster.unique}.a")


class TestData:
    async def test_an_immutable_config_map_keeps_its_data_and_stays_immutable(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a", data={"k": "v"}, immutable=True)
        for patch in ({"data": {"k": "w"}}, {"immutable": None}, {"immutable": False}, {"binaryData": {"b": "AA=="}}):
            with pytest.raises(Invalid):
                await cluster.patch(CONFIGMAPS, "a", patch)
        await cluster.patch(CONFIGMAPS, "a", {"metadata": {"labels": {"a": "b"}}, "data": {"k": "v"}})

    async def test_an_immutable_secret_too(self, cluster: Cluster) -> None:
        await cluster.make(SECRETS, "a", data={"k": "AA=="}, immutable=True)
        with pytest.raises(Invalid):
            await cluster.patch(SECRETS, "a", {"data": {"k": "AAA="}})

    async def test_the_type_of_a_secret_stays(self, cluster: Cluster) -> None:
        await cluster.make(SECRETS, "a", stringData={"k": "v"})
        found = await cluster.obj(SECRETS, "a")
        assert (found["type"], found["data"]) == ("Opaque", {"k": "dg=="})
        assert "stringData" not in found
        with pytest.raises(Invalid):
            await cluster.patch(SECRETS, "a", {"type": "example.com/x"})

    async def test_secret_data_is_base64(self, cluster: Cluster) -> None:
        await cluster.make(SECRETS, "a", data={"k": "AA=="})
        with pytest.raises(Invalid):
            await cluster.patch(SECRETS, "a", {"data": {"k": "%%%"}})
        with pytest.raises(Invalid):
            await cluster.make(SECRETS, "b", data={"k": "%%%"})


class TestPods:
    async def test_defaults(self, cluster: Cluster) -> None:
        container = {"name": "main", "image": "app", "ports": [{"containerPort": 80}]}
        container["env"] = [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
        container["livenessProbe"] = {"httpGet": {"port": 80}}
        volumes = [{"name": "e"}, {"name": "c", "configMap": {"name": "c"}}, {"name": "s", "secret": {"secretName": "s"}}]
        volumes.append({"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}})
        await cluster.pod("p", containers=[container], volumes=volumes, serviceAccountName="default")
        assert (await cluster.obj(PODS, "p"))["spec"] == DEFAULTED

    async def test_limits_are_requests_unless_said_otherwise(self, cluster: Cluster) -> None:
        limits = {"limits": {"cpu": "1", "memory": "1Gi"}}
        await cluster.pod("p", containers=[{"name": "main", "image": "app:1", "resources": limits}])
        pod = await cluster.obj(PODS, "p")
        assert pod["spec"]["containers"][0]["resources"]["requests"] == limits["limits"]
        assert pod["status"]["qosClass"] == "Guaranteed"

    @pytest.mark.parametrize(
        "spec",
        [
            {"containers": []},
            {"containers": [{"name": "main"}]},
            {"containers": [{"name": "main", "image": "a", "volumeMounts": [{"name": "none", "mountPath": "/a"}]}]},
            {"ephemeralContainers": [{"name": "e", "image": "a"}]},
        ],
    )
    async def test_what_cannot_run_is_invalid(self, cluster: Cluster, spec: Obj) -> None:
        with pytest.raises(Invalid):
            await cluster.pod("p", **spec)

    async def test_a_token_volume_needs_an_account(self, cluster: Cluster) -> None:
        with pytest.raises(Invalid):
            await cluster.pod("p", volumes=[{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}])

    @pytest.mark.parametrize("spec", [{"priority": 5}, {"priorityClassName": "none"}, {"runtimeClassName": "none"}])
    async def test_classes_that_are_not_there_are_forbidden(self, cluster: Cluster, spec: Obj) -> None:
        with pytest.raises(Forbidden):
            await cluster.pod("p", **spec)

    @pytest.mark.parametrize(
        "patch",
        [
            {"nodeName": "n"},
            {"nodeSelector": {"a": "b"}},
            {"terminationGracePeriodSeconds": 5},
            {"containers": [{"name": "main", "image": "app:1", "args": ["x"]}]},
            {"containers": []},
            {"hostNetwork": True},
            {"ephemeralContainers": [{"name": "e", "image": "a"}]},
            {"serviceAccountName": "other"},
        ],
    )
    async def test_the_spec_cannot_change(self, cluster: Cluster, patch: Obj) -> None:
        await cluster.pod("p")
        with pytest.raises(Invalid):
            await cluster.patch(PODS, "p", {"spec": patch})

    async def test_image_deadline_and_further_tolerations_can(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        spec = (await cluster.obj(PODS, "p"))["spec"]
        await cluster.patch(PODS, "p", {"spec": {"containers": [{**spec["containers"][0], "image": "app:2"}]}})
        await cluster.patch(PODS, "p", {"spec": {"tolerations": [*spec["tolerations"], {"key": "x", "operator": "Exists"}]}})
        await cluster.patch(PODS, "p", {"spec": {"activeDeadlineSeconds": 60}})
        await cluster.patch(PODS, "p", {"spec": {"activeDeadlineSeconds": 50}})
        for late in (70, None):
            with pytest.raises(Invalid):
                await cluster.patch(PODS, "p", {"spec": {"activeDeadlineSeconds": late}})

    async def test_tolerations_do_not_go(self, cluster: Cluster) -> None:
        await cluster.pod("p", tolerations=[{"key": "x", "operator": "Exists"}])
        made = await cluster.api.get(PODS, cluster.namespace, "p")
        with pytest.raises(Invalid):
            await cluster.patch(PODS, "p", {"spec": {"tolerations": None}})
        kept = await cluster.patch(PODS, "p", {"spec": {"tolerations": [{"key": "x", "operator": "Exists"}]}})
        assert kept.meta.resourceVersion == made.meta.resourceVersion

    async def test_a_gated_pod_says_so_and_may_still_be_aimed(self, cluster: Cluster) -> None:
        await cluster.pod("p", schedulingGates=[{"name": "example.com/g"}])
        condition = (await cluster.obj(PODS, "p"))["status"]["conditions"][0]
        assert (condition["status"], condition["reason"]) == ("False", "SchedulingGated")
        with pytest.raises(Conflict):
            await cluster.bind("p")
        await cluster.patch(PODS, "p", {"spec": {"nodeSelector": {"a": "b"}}})
        await cluster.patch(PODS, "p", {"spec": {"schedulingGates": None}})
        await cluster.bind("p")


DEFAULTED = {
    "volumes": [
        {"name": "e", "emptyDir": {}},
        {"name": "c", "configMap": {"name": "c", "defaultMode": 420}},
        {"name": "s", "secret": {"secretName": "s", "defaultMode": 420}},
        {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 3600, "path": "t"}}], "defaultMode": 420}},
    ],
    "containers": [
        {
            "name": "main",
            "image": "app",
            "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "env": [{"name": "N", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}],
            "resources": {},
            "livenessProbe": {
                "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
                "timeoutSeconds": 1,
                "periodSeconds": 10,
                "successThreshold": 1,
                "failureThreshold": 3,
            },
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "Always",
        }
    ],
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "serviceAccountName": "default",
    "serviceAccount": "default",
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "tolerations": [
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    ],
    "priority": 0,
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
}


class TestPodDeletion:
    async def test_an_unbound_pod_goes_at_once(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        await cluster.delete(PODS, "p")
        assert await cluster.gone(PODS, "p")

    async def test_so_does_one_that_has_ended(self, cluster: Cluster) -> None:
        await cluster.pod("p", nodeName="node-1")
        await cluster.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, "status")
        await cluster.delete(PODS, "p")
        assert await cluster.gone(PODS, "p")

    async def test_a_bound_pod_waits_for_its_grace_period_to_be_ended(self, cluster: Cluster) -> None:
        await cluster.pod("p", nodeName="node-1", terminationGracePeriodSeconds=40)
        await cluster.delete(PODS, "p")
        meta = (await cluster.obj(PODS, "p"))["metadata"]
        assert meta["deletionGracePeriodSeconds"] == 40
        assert meta["generation"] == 2
        await cluster.delete(PODS, "p", grace=0)
        assert await cluster.gone(PODS, "p")

    async def test_a_second_deletion_only_shortens(self, cluster: Cluster) -> None:
        await cluster.pod("p", nodeName="node-1")
        await cluster.delete(PODS, "p")
        first = (await cluster.api.get(PODS, cluster.namespace, "p")).meta
        for grace in (None, 60, 30):
            await cluster.delete(PODS, "p", grace=grace)
            assert (await cluster.api.get(PODS, cluster.namespace, "p")).meta == first
        await cluster.delete(PODS, "p", grace=5)
        second = (await cluster.api.get(PODS, cluster.namespace, "p")).meta
        assert (second.deletionGracePeriodSeconds, second.generation) == (5, first.generation)
        assert str(second.deletionTimestamp) < str(first.deletionTimestamp)

    async def test_grace_cannot_be_patched(self, cluster: Cluster) -> None:
        await cluster.pod("p", nodeName="node-1")
        await cluster.delete(PODS, "p")
        with pytest.raises(Invalid):
            await cluster.patch(PODS, "p", {"metadata": {"deletionGracePeriodSeconds": 1}})

    async def test_a_finalizer_outlives_grace_zero(self, cluster: Cluster) -> None:
        await cluster.pod("p", {"finalizers": ["example.com/a"]}, nodeName="node-1")
        await cluster.delete(PODS, "p", grace=0)
        assert (await cluster.obj(PODS, "p"))["metadata"]["deletionGracePeriodSeconds"] == 0
        await cluster.delete(PODS, "p", grace=0)
        await cluster.patch(PODS, "p", {"metadata": {"finalizers": None}})
        assert await cluster.gone(PODS, "p")

    async def test_grace_outlives_the_last_finalizer(self, cluster: Cluster) -> None:
        await cluster.pod("p", {"finalizers": ["example.com/a"]}, nodeName="node-1")
        await cluster.delete(PODS, "p")
        await cluster.patch(PODS, "p", {"metadata": {"finalizers": None}})
        assert not await cluster.gone(PODS, "p")

    async def test_the_end_of_its_containers_alone_does_not_end_it(self, cluster: Cluster) -> None:
        await cluster.pod("p", nodeName="node-1")
        await cluster.delete(PODS, "p")
        await cluster.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, "status")
        await cluster.delete(PODS, "p")
        assert not await cluster.gone(PODS, "p")

    async def test_watchers_see_the_mark_before_the_end(self, cluster: Cluster) -> None:
        version = await cluster.version(PODS)
        await cluster.pod("p")
        await cluster.delete(PODS, "p")
        found = await changes(cluster, PODS, 3, resource_version=version)
        assert [change.type for change in found] == ["ADDED", "MODIFIED", "DELETED"]
        marks = [change.entry.meta.deletionGracePeriodSeconds for change in found if change.entry]
        assert marks == [None, 0, 0]


class TestPodSubresources:
    async def test_a_binding_names_the_node_once(self, cluster: Cluster) -> None:
        made = await cluster.pod("p")
        with pytest.raises(Conflict):
            await cluster.bind("p", uid="another")
        await cluster.bind("p", uid=made.meta.uid)
        pod = await cluster.obj(PODS, "p")
        assert pod["spec"]["nodeName"] == "node-1"
        assert [(item["type"], item["status"]) for item in pod["status"]["conditions"]] == [("PodScheduled", "True")]
        assert pod["metadata"]["generation"] == 1
        with pytest.raises(Conflict):
            await cluster.bind("p")
        with pytest.raises(NotFound):
            await cluster.bind("none")

    async def test_a_binding_names_its_pod(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        with pytest.raises(Invalid):
            await cluster.post(PODS, "p", "binding", {"target": {"name": "node-1"}})

    async def test_ephemeral_containers_are_only_added(self, cluster: Cluster) -> None:
        await cluster.pod("p")
        first, second = {"name": "e", "image": "app:1"}, {"name": "f", "image": "app:1"}
        await cluster.patch(PODS, "p", {"spec": {"ephemeralContainers": [first]}}, "ephemeralcontainers")
        again = {"metadata": {"labels": {"a": "b"}}, "spec": {"ephemeralContainers": [first, second]}}
        assert (await cluster.patch(PODS, "p", again, "ephemeralcontainers")).meta.generation == 3
        pod = await cluster.obj(PODS, "p")
        assert [item["name"] for item in pod["spec"]["ephemeralContainers"]] == ["e", "f"]
        assert "labels" not in pod["metadata"]
        for containers in ([first], [{**first, "image": "app:2"}, second], None):
            with pytest.raises(Invalid):
                await cluster.patch(PODS, "p", {"spec": {"ephemeralContainers": containers}}, "ephemeralcontainers")

    async def test_resize_changes_cpu_and_memory_and_nothing_else(self, cluster: Cluster) -> None:
        await cluster.pod("p", containers=[{"name": "main", "image": "app:1", "resources": {"requests": {"cpu": "1"}}}])
        container = (await cluster.obj(PODS, "p"))["spec"]["containers"][0]

        def to(resources: Obj, **more: Any) -> Obj:
            return {"spec": {"containers": [{**container, "resources": resources, **more}]}}

        made = await cluster.patch(PODS, "p", to({"requests": {"cpu": "2"}}, image="app:2"), "resize")
        assert made.meta.generation == 2
        found = (await cluster.obj(PODS, "p"))["spec"]["containers"][0]
        assert (found["resources"], found["image"]) == ({"requests": {"cpu": "2"}}, "app:1")
        for resources in ({}, {"requests": {"cpu": "2", "ephemeral-storage": "1Gi"}}):
            with pytest.raises(Invalid):
                await cluster.patch(PODS, "p", to(resources), "resize")
        with pytest.raises(Invalid):
            await cluster.patch(PODS, "p", to({"requests": {"cpu": "3"}}))

    async def test_resize_of_a_running_container_needs_a_kubelet_that_says_what_it_has(self, cluster: Cluster) -> None:
        await cluster.make(NODES, cluster.unique, status={"capacity": {"cpu": "4", "memory": "4Gi"}})
        resources = {"requests": {"cpu": "1"}}
        await cluster.pod("p", nodeName=cluster.unique, containers=[{"name": "main", "image": "app:1", "resources": resources}])
        status = {"name": "main", "image": "app:1", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {}}}
        await cluster.patch(PODS, "p", {"status": {"phase": "Running", "containerStatuses": [status]}}, "status")
        container = (await cluster.obj(PODS, "p"))["spec"]["containers"][0]
        more = {"spec": {"containers": [{**container, "resources": {"requests": {"cpu": "2"}}}]}}
        with pytest.raises(Invalid):
            await cluster.patch(PODS, "p", more, "resize")
        await cluster.patch(PODS, "p", {"status": {"containerStatuses": [{**status, "resources": resources}]}}, "status")
        await cluster.patch(PODS, "p", more, "resize")
        too_much = {"spec": {"containers": [{**container, "resources": {"requests": {"cpu": "5"}}}]}}
        with pytest.raises(Forbidden):
            await cluster.patch(PODS, "p", too_much, "resize")

    async def test_an_eviction_deletes_and_says_why(self, cluster: Cluster) -> None:
        made = await cluster.pod("p", nodeName="node-1")
        with pytest.raises(Conflict):
            await cluster.post(PODS, "p", "eviction", {"metadata": {"name": "p"}, "deleteOptions": {"preconditions": {"uid": "another"}}})
        options = {"preconditions": {"uid": made.meta.uid}, "gracePeriodSeconds": 7}
        await cluster.post(PODS, "p", "eviction", {"metadata": {"name": "p"}, "deleteOptions": options})
        pod = await cluster.obj(PODS, "p")
        assert pod["metadata"]["deletionGracePeriodSeconds"] == 7
        assert [(item["type"], item["reason"]) for item in pod["status"]["conditions"]] == [("DisruptionTarget", "EvictionByEvictionAPI")]

    async def test_a_disruption_budget_refuses_an_eviction_with_429(self, cluster: Cluster) -> None:
        await cluster.pod("p", {"labels": {"app": "a"}}, nodeName="node-1")
        await cluster.patch(PODS, "p", {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}, "status")
        await cluster.make(BUDGETS, "b", spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}})
        eviction = {"metadata": {"name": "p"}}
        with pytest.raises(Throttled) as early:
            await cluster.post(PODS, "p", "eviction", eviction)
        assert early.value.retry_after == 10.0
        counted = {"observedGeneration": 1, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
        await cluster.patch(BUDGETS, "b", {"status": counted}, "status")
        with pytest.raises(Throttled) as refused:
            await cluster.post(PODS, "p", "eviction", eviction)
        assert refused.value.causes[0].startswith("DisruptionBudget")
        await cluster.patch(BUDGETS, "b", {"status": {"disruptionsAllowed": 1}}, "status")
        await cluster.post(PODS, "p", "eviction", eviction)
        assert (await cluster.obj(BUDGETS, "b"))["status"]["disruptionsAllowed"] == 0


class TestServices:
    async def test_defaults(self, cluster: Cluster) -> None:
        service = await cluster.service("s")
        address = service["spec"]["clusterIP"]
        assert service["spec"] == {
            "ports": [{"protocol": "TCP", "port": 80, "targetPort": 80}],
            "selector": {"app": "a"},
            "clusterIP": address,
            "clusterIPs": [address],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        }
        assert service["status"] == {"loadBalancer": {}}

    async def test_an_address_can_be_asked_for_once(self, cluster: Cluster) -> None:
        free = (await cluster.service("s"))["spec"]["clusterIP"]
        with pytest.raises(Invalid) as taken:
            await cluster.service("t", clusterIP=free)
        assert "already allocated" in taken.value.message
        await cluster.delete(SERVICES, "s")
        assert (await cluster.service("t", clusterIP=free))["spec"]["clusterIPs"] == [free]

    async def test_the_same_service_again_is_invalid_for_its_own_address_before_it_is_there_already(self, cluster: Cluster) -> None:
        """Who asks again because the first answer was lost does not hear AlreadyExists."""
        address = (await cluster.service("s"))["spec"]["clusterIP"]
        with pytest.raises(Invalid):
            await cluster.service("s", clusterIP=address)
        with pytest.raises(AlreadyExists):
            await cluster.service("s")
        with pytest.raises(AlreadyExists):
            await cluster.service("s", clusterIP="None")

    @pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
    async def test_only_a_plain_service_is_headless(self, cluster: Cluster, kind: str) -> None:
        with pytest.raises(Invalid):
            await cluster.service("s", type=kind, clusterIP="None")

    @pytest.mark.parametrize("address", ["192.0.2.1", "10.96.0.0", "10.96.255.255", "no address"])
    async def test_an_address_outside_the_range_is_invalid(self, cluster: Cluster, address: str) -> None:
        with pytest.raises(Invalid):
            await cluster.service("s", clusterIP=address)

    async def test_the_address_stays(self, cluster: Cluster) -> None:
        service = await cluster.service("s")
        for spec in (
            {"clusterIP": "10.96.7.7"},
            {"clusterIP": "10.96.7.7", "clusterIPs": ["10.96.7.7"]},
            {"clusterIP": "None", "clusterIPs": ["None"]},
        ):
            with pytest.raises(Invalid):
                await cluster.patch(SERVICES, "s", {"spec": spec})
        for spec in ({"clusterIP": None}, {"clusterIP": None, "clusterIPs": None}):
            kept = await cluster.patch(SERVICES, "s", {"spec": spec})
            assert kept.meta.resourceVersion == service["metadata"]["resourceVersion"]

    async def test_a_further_service_range_serves_addresses_too(self, cluster: Cluster) -> None:
        third = int.from_bytes(cluster.unique.encode()[-2:], "big") % 256
        network = f"10.200.{third}"
        await cluster.make(SERVICECIDRS, cluster.unique, spec={"cidrs": [f"{network}.0/24"]})
        async with asyncio.timeout(20):
            while True:  # the server notices new ranges by a watch of its own
                try:
                    service = await cluster.service("s", clusterIP=f"{network}.9")
                    break
                except Invalid:
                    await asyncio.sleep(0.1)
        assert service["spec"]["clusterIP"] == f"{network}.9"

    async def test_headless(self, cluster: Cluster) -> None:
        spec = (await cluster.service("s", clusterIP="None"))["spec"]
        assert (spec["clusterIPs"], spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["None"], ["IPv4"], "SingleStack")
        await cluster.make(SERVICES, "bare", spec={"clusterIP": "None"})
        spec = (await cluster.obj(SERVICES, "bare"))["spec"]
        assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")

    async def test_node_ports_are_given_kept_by_name_and_taken_back(self, cluster: Cluster) -> None:
        spec = (await cluster.service("s", type="NodePort", ports=[{"name": "a", "port": 80}]))["spec"]
        port = spec["ports"][0]["nodePort"]
        assert 30000 <= port <= 32767
        assert spec["externalTrafficPolicy"] == "Cluster"
        await cluster.patch(SERVICES, "s", {"spec": {"ports": [{"name": "b", "port": 81}, {"name": "a", "port": 82}]}})
        ports = {item["name"]: item["nodePort"] for item in (await cluster.obj(SERVICES, "s"))["spec"]["ports"]}
        assert ports["a"] == port != ports["b"]
        await cluster.patch(SERVICES, "s", {"spec": {"type": "ClusterIP"}})
        spec = (await cluster.obj(SERVICES, "s"))["spec"]
        assert not any("nodePort" in item for item in spec["ports"])
        assert "externalTrafficPolicy" not in spec

    async def test_node_ports_that_cannot_be_had_are_invalid(self, cluster: Cluster) -> None:
        taken = (await cluster.service("s", type="NodePort"))["spec"]["ports"][0]["nodePort"]
        for kind, port in (("NodePort", taken), ("NodePort", 80), ("ClusterIP", 32000)):
            with pytest.raises(Invalid):
                await cluster.service("t", type=kind, ports=[{"port": 80, "nodePort": port}])

    async def test_a_local_load_balancer_gets_a_health_check_port(self, cluster: Cluster) -> None:
        spec = (await cluster.service("s", type="LoadBalancer", externalTrafficPolicy="Local"))["spec"]
        assert spec["allocateLoadBalancerNodePorts"] is True
        assert spec["healthCheckNodePort"] != spec["ports"][0]["nodePort"]
        await cluster.patch(SERVICES, "s", {"spec": {"type": "ClusterIP"}})
        spec = (await cluster.obj(SERVICES, "s"))["spec"]
        assert not {"healthCheckNodePort", "allocateLoadBalancerNodePorts", "externalTrafficPolicy"} & spec.keys()

    async def test_an_external_name_has_no_address_and_gives_its_own_back(self, cluster: Cluster) -> None:
        await cluster.service("s")
        await cluster.patch(SERVICES, "s", {"spec": {"type": "ExternalName", "externalName": "example.com"}})
        spec = (await cluster.obj(SERVICES, "s"))["spec"]
        assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"} & spec.keys()
        await cluster.patch(SERVICES, "s", {"spec": {"type": "ClusterIP", "externalName": None}})
        assert (await cluster.obj(SERVICES, "s"))["spec"]["clusterIP"].startswith("10.")
        with pytest.raises(Invalid):
            await cluster.make(SERVICES, "t", spec={"type": "ExternalName", "externalName": "example.com", "clusterIP": "10.96.9.9"})

    @pytest.mark.parametrize(
        "spec", [{"ports": []}, {"ports": [{"port": 80}, {"port": 81}]}, {"externalTrafficPolicy": "Cluster"}, {"type": "ExternalName"}]
    )
    async def test_contradictions_are_invalid(self, cluster: Cluster, spec: Obj) -> None:
        with pytest.raises(Invalid):
            await cluster.service("s", **spec)

    async def test_external_addresses_bring_a_traffic_policy(self, cluster: Cluster) -> None:
        assert (await cluster.service("s", externalIPs=["192.0.2.1"]))["spec"]["externalTrafficPolicy"] == "Cluster"

    async def test_session_affinity_has_a_timeout(self, cluster: Cluster) -> None:
        spec = (await cluster.service("s", sessionAffinity="ClientIP"))["spec"]
        assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


class TestOtherKinds:
    async def test_a_claim_that_is_not_bound_keeps_its_spec(self, cluster: Cluster) -> None:
        await cluster.make(PERSISTENTVOLUMECLAIMS, "v", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
        found = await cluster.obj(PERSISTENTVOLUMECLAIMS, "v")
        assert (found["spec"]["volumeMode"], found["status"]) == ("Filesystem", {"phase": "Pending"})
        for spec in ({"accessModes": ["ReadWriteMany"]}, {"resources": {"requests": {"storage": "2Gi"}}}):
            with pytest.raises(Invalid):
                await cluster.patch(PERSISTENTVOLUMECLAIMS, "v", {"spec": spec})
        await cluster.patch(PERSISTENTVOLUMECLAIMS, "v", {"spec": {"storageClassName": "c", "volumeName": "pv"}})
        with pytest.raises(Invalid):
            await cluster.patch(PERSISTENTVOLUMECLAIMS, "v", {"spec": {"volumeName": "other"}})
        await cluster.patch(PERSISTENTVOLUMECLAIMS, "v", {"status": {"phase": "Bound"}}, "status")
        with pytest.raises(Forbidden):
            await cluster.patch(PERSISTENTVOLUMECLAIMS, "v", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})

    async def test_a_slice_keeps_its_address_type(self, cluster: Cluster) -> None:
        await cluster.make(ENDPOINTSLICES, "e", addressType="IPv4", endpoints=[{"addresses": ["192.0.2.1"]}], ports=[{"port": 80}])
        found = await cluster.obj(ENDPOINTSLICES, "e")
        assert found["endpoints"] == [{"addresses": ["192.0.2.1"], "conditions": {}}]
        assert found["ports"] == [{"name": "", "protocol": "TCP", "port": 80}]
        with pytest.raises(Invalid):
            await cluster.patch(ENDPOINTSLICES, "e", {"addressType": "IPv6"})
        await cluster.patch(ENDPOINTSLICES, "e", {"endpoints": None})
        assert (await cluster.obj(ENDPOINTSLICES, "e"))["endpoints"] is None

    async def test_a_binding_of_a_role_keeps_its_role(self, cluster: Cluster) -> None:
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
        await cluster.make(ROLEBINDINGS, "a:b", roleRef=reference)
        with pytest.raises(Invalid):
            await cluster.patch(ROLEBINDINGS, "a:b", {"roleRef": {"name": "edit"}})

    async def test_a_lease_is_stored_as_given(self, cluster: Cluster) -> None:
        spec = {"holderIdentity": "me", "leaseDurationSeconds": 15}
        await cluster.make(LEASES, "l", spec=spec)
        assert (await cluster.obj(LEASES, "l"))["spec"] == spec

    async def test_an_event_lives_where_its_object_does(self, cluster: Cluster) -> None:
        def about(namespace: str | None) -> Obj:
            where = {"namespace": namespace} if namespace else {}
            return {"involvedObject": {"kind": "Pod", "name": "p", **where}, "reason": "R", "message": "m", "type": "Normal"}

        await cluster.make(EVENTS, "a", **about(cluster.namespace))
        await cluster.make(EVENTS, cluster.unique, namespace="default", **about(None))
        for namespace in ("default", None):
            with pytest.raises(Invalid):
                await cluster.make(EVENTS, "b", **about(namespace))


class TestTokens:
    async def request(self, cluster: Cluster, account: str = "builder", **spec: Any) -> Obj:
        answer = await cluster.post(SERVICEACCOUNTS, account, "token", {"spec": spec})
        status = json.loads(answer.status or b"{}")
        payload = status["token"].split(".")[1]
        claims: Obj = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    async def test_claims(self, cluster: Cluster) -> None:
        account = await cluster.make(SERVICEACCOUNTS, "builder")
        pod = await cluster.pod("p", serviceAccountName="builder")
        bound = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": pod.meta.uid}
        claims = await self.request(cluster, audiences=["vault"], expirationSeconds=1800, boundObjectRef=bound)
        assert claims["aud"] == ["vault"]
        assert claims["exp"] - claims["iat"] == 1800
        assert claims["sub"] == f"system:serviceaccount:{cluster.namespace}:builder"
        assert claims["kubernetes.io"] == {
            "namespace": cluster.namespace,
            "pod": {"name": "p", "uid": pod.meta.uid},
            "serviceaccount": {"name": "builder", "uid": account.meta.uid},
        }

    async def test_exactly_3607_seconds_bound_to_a_pod_last_a_year(self, cluster: Cluster) -> None:
        await cluster.make(SERVICEACCOUNTS, "builder")
        pod = await cluster.pod("p", serviceAccountName="builder")
        bound = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": pod.meta.uid}
        extended = await self.request(cluster, expirationSeconds=3607, boundObjectRef=bound)
        assert extended["exp"] - extended["iat"] > 300 * 86400
        for spec in ({"boundObjectRef": bound, "audiences": ["x"]}, {}):
            plain = await self.request(cluster, expirationSeconds=3607, **spec)
            assert plain["exp"] - plain["iat"] == 3607

    @pytest.mark.parametrize("seconds", [599, (1 << 32) + 1])
    async def test_too_short_and_too_long_are_invalid(self, cluster: Cluster, seconds: int) -> None:
        await cluster.make(SERVICEACCOUNTS, "builder")
        with pytest.raises(Invalid):
            await self.request(cluster, expirationSeconds=seconds)

    async def test_who_and_what_it_is_for_must_be_there(self, cluster: Cluster) -> None:
        with pytest.raises(NotFound):
            await self.request(cluster)
        await cluster.make(SERVICEACCOUNTS, "builder")
        with pytest.raises(NotFound):
            await self.request(cluster, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "none"})
        pod = await cluster.pod("p", serviceAccountName="builder")
        with pytest.raises(Conflict):
            await self.request(cluster, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "another"})
        await cluster.make(SERVICEACCOUNTS, "other")
        with pytest.raises(Invalid):
            await self.request(cluster, "other", boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": pod.meta.uid})


class TestLists:
    async def fill(self, cluster: Cluster) -> None:
        for number in range(5):
            labels = {"x": "1"} if number % 2 else {"x": "2", "y": "z"}
            await cluster.make(CONFIGMAPS, f"m{number}", metadata={"labels": labels})

    async def test_pages_show_one_moment_in_the_order_of_names(self, cluster: Cluster) -> None:
        await self.fill(cluster)
        first = await cluster.api.list(CONFIGMAPS, cluster.namespace, limit=2)
        await cluster.make(CONFIGMAPS, "m2a")
        await cluster.delete(CONFIGMAPS, "m3")
        second = await cluster.api.list(CONFIGMAPS, cluster.namespace, limit=2, continue_token=first.continue_token)
        third = await cluster.api.list(CONFIGMAPS, cluster.namespace, limit=2, continue_token=second.continue_token)
        pages = [[entry.meta.name for entry in page.entries] for page in (first, second, third)]
        assert pages == [["m0", "m1"], ["m2", "m3"], ["m4"]]
        assert first.resource_version == second.resource_version == third.resource_version
        assert not third.continue_token

    async def test_the_next_list_shows_what_was_written(self, cluster: Cluster) -> None:
        for number in range(10):
            made = await cluster.make(CONFIGMAPS, f"m{number}")
            page = await cluster.api.list(CONFIGMAPS, cluster.namespace)
            assert len(page.entries) == number + 1
            assert int(page.resource_version) >= int(made.meta.resourceVersion)

    @pytest.mark.parametrize(
        ("selector", "names"),
        [
            ("x=1", "m1 m3"),
            ("x==1", "m1 m3"),
            ("x!=1", "bare m0 m2 m4"),
            ("x in (1,2)", "m0 m1 m2 m3 m4"),
            ("x notin (1)", "bare m0 m2 m4"),
            ("y", "m0 m2 m4"),
            ("!y", "bare m1 m3"),
            ("x in (1, 2),y=z", "m0 m2 m4"),
            ("x=", ""),
            ("example.com/k=v", ""),
        ],
    )
    async def test_selectors(self, cluster: Cluster, selector: str, names: str) -> None:
        await self.fill(cluster)
        await cluster.make(CONFIGMAPS, "bare")
        page = await cluster.api.list(CONFIGMAPS, cluster.namespace, label_selector=selector)
        assert " ".join(entry.meta.name for entry in page.entries) == names

    async def test_one_object_can_be_asked_for_by_its_name(self, cluster: Cluster) -> None:
        await self.fill(cluster)
        for name, found in (("m1", ["m1"]), ("nobody", [])):
            page = await cluster.api.list(CONFIGMAPS, cluster.namespace, name=name)
            assert [entry.meta.name for entry in page.entries] == found

    async def test_nonsense_is_refused(self, cluster: Cluster) -> None:
        with pytest.raises(Invalid):
            await cluster.api.list(CONFIGMAPS, cluster.namespace, label_selector="a=b=c")
        with pytest.raises(Invalid):
            await cluster.api.list(CONFIGMAPS, cluster.namespace, continue_token="xyz")

    async def test_a_kind_that_is_not_served_is_not_found(self, cluster: Cluster) -> None:
        with pytest.raises(NotFound):
            await cluster.api.list(Resource("none.example.com", "v1", "things", "Thing"), cluster.namespace)


class TestWatches:
    async def test_an_empty_batch_says_that_the_server_has_accepted(self, cluster: Cluster) -> None:
        stream = cluster.api.watch(CONFIGMAPS, cluster.namespace, resource_version=await cluster.version())
        assert list(await anext(aiter(stream))) == []

    async def test_from_a_version_come_the_changes_after_it(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "before")
        version = await cluster.version()
        await cluster.make(CONFIGMAPS, "a")
        await cluster.patch(CONFIGMAPS, "a", {"data": {"k": "v"}})
        await cluster.patch(CONFIGMAPS, "a", {"data": {"k": "v"}})
        await cluster.delete(CONFIGMAPS, "a")
        await cluster.make(CONFIGMAPS, "a")
        found = await changes(cluster, CONFIGMAPS, 4, resource_version=version)
        assert told(found) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "a")]
        versions = [int(change.resource_version) for change in found]
        assert versions == sorted(versions)
        assert all(change.entry and change.entry.meta.resourceVersion == change.resource_version for change in found)

    async def test_live_changes_follow(self, cluster: Cluster) -> None:
        waiting = asyncio.create_task(changes(cluster, CONFIGMAPS, 2, resource_version=await cluster.version()))
        await asyncio.sleep(0.2)
        await cluster.make(CONFIGMAPS, "a")
        await cluster.delete(CONFIGMAPS, "a")
        assert told(await waiting) == [("ADDED", "a"), ("DELETED", "a")]

    async def test_the_present_state_comes_first_and_is_closed_by_a_bookmark(self, cluster: Cluster) -> None:
        for name in ("a", "b"):
            await cluster.make(CONFIGMAPS, name)
        found = await changes(cluster, CONFIGMAPS, 3, initial=True)
        assert told(found) == [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", "")]
        assert found[2].initial_end
        assert int(found[2].resource_version) >= int(found[1].resource_version)

    async def test_of_an_empty_namespace_only_the_bookmark_comes(self, cluster: Cluster) -> None:
        assert told(await changes(cluster, CONFIGMAPS, 1, initial=True)) == [("BOOKMARK", "")]

    async def test_through_a_selector_objects_come_and_go(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a", metadata={"labels": {"x": "1"}}, data={"k": "1"})
        version = await cluster.version()
        await cluster.patch(CONFIGMAPS, "a", {"metadata": {"labels": {"x": "2"}}, "data": {"k": "2"}})
        await cluster.patch(CONFIGMAPS, "a", {"data": {"k": "3"}})
        await cluster.patch(CONFIGMAPS, "a", {"metadata": {"labels": {"x": "1"}}})
        await cluster.patch(CONFIGMAPS, "a", {"data": {"k": "4"}})
        found = await changes(cluster, CONFIGMAPS, 3, resource_version=version, label_selector="x=1")
        assert [change.type for change in found] == ["DELETED", "ADDED", "MODIFIED"]
        seen = [change.entry.obj() for change in found if change.entry]
        assert [obj["data"]["k"] for obj in seen] == ["1", "3", "4"]  # what left is shown as it last matched
        assert seen[0]["metadata"]["resourceVersion"] == found[0].resource_version > version

    async def test_one_object_can_be_watched_by_its_name(self, cluster: Cluster) -> None:
        await cluster.make(CONFIGMAPS, "a", data={"k": "1"})
        await cluster.make(CONFIGMAPS, "b")
        assert told(await changes(cluster, CONFIGMAPS, 2, initial=True, name="a")) == [("ADDED", "a"), ("BOOKMARK", "")]
        version = await cluster.version()
        await cluster.patch(CONFIGMAPS, "b", {"data": {"k": "2"}})
        await cluster.patch(CONFIGMAPS, "a", {"data": {"k": "2"}})
        assert told(await changes(cluster, CONFIGMAPS, 1, resource_version=version, name="a")) == [("MODIFIED", "a")]

    async def test_other_namespaces_are_not_seen(self, cluster: Cluster) -> None:
        await cluster.make(NAMESPACES, cluster.unique)
        version = await cluster.version()
        await cluster.make(CONFIGMAPS, "other", namespace=cluster.unique)
        await cluster.make(CONFIGMAPS, "a")
        assert told(await changes(cluster, CONFIGMAPS, 1, resource_version=version)) == [("ADDED", "a")]

    async def test_a_version_that_is_still_to_come_is_waited_for_in_silence(self, cluster: Cluster) -> None:
        """A server restored from a backup answers a watcher that way: it hears nothing, and no error."""
        future = str(int(await cluster.version()) + 1_000_000)
        waiting = asyncio.create_task(changes(cluster, CONFIGMAPS, 1, resource_version=future))
        await asyncio.sleep(0.2)
        await cluster.make(CONFIGMAPS, "a")
        await asyncio.sleep(0.3)
        assert not waiting.done()
        waiting.cancel()

    async def test_nonsense_is_refused(self, cluster: Cluster) -> None:
        with pytest.raises(ApiError):
            await changes(cluster, CONFIGMAPS, 1, resource_version="abc")
        with pytest.raises(Invalid):
            await changes(cluster, CONFIGMAPS, 1, label_selector="a=b=c")

    async def test_a_past_that_is_forgotten_is_gone(self, cluster: Cluster) -> None:
        for number in range(3):
            await cluster.make(CONFIGMAPS, f"m{number}")
        page = await cluster.api.list(CONFIGMAPS, cluster.namespace, limit=1)
        await cluster.make(CONFIGMAPS, "later")
        await cluster.forget_past()
        with pytest.raises(Gone):
            await changes(cluster, CONFIGMAPS, 1, resource_version="1")
        with pytest.raises(Gone):
            await cluster.api.list(CONFIGMAPS, cluster.namespace, limit=1, continue_token=page.continue_token)

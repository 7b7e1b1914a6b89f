"""The others on a cluster: scheduler, kubelet and controllers, one step at a time."""

from typing import Any

from syncer.core.objects import CONFIGMAPS, NAMESPACES, NODES, PERSISTENTVOLUMECLAIMS, PODS, SERVICEACCOUNTS, Side
from syncer.testing import Controllers, Kubelet, Scheduler, SimulatedCluster, make_node, settle

IMAGE = {"name": "main", "image": "app:1"}


def cluster_with(*nodes: str, **options: Any) -> SimulatedCluster:
    cluster = SimulatedCluster(Side.HOST, **options)
    for node in nodes:
        make_node(cluster, node, room={"cpu": "2"})
    cluster.put(NAMESPACES, {"metadata": {"name": "web"}})
    return cluster


def pod(cluster: SimulatedCluster, name: str, metadata: Any = None, **spec: Any) -> None:
    cluster.put(PODS, {"metadata": {"namespace": "web", "name": name, **(metadata or {})}, "spec": {"containers": [IMAGE], **spec}})


def of(cluster: SimulatedCluster, name: str) -> Any:
    return cluster.find(PODS, "web", name)


def test_pods_are_spread_and_run() -> None:
    cluster = cluster_with("n1", "n2")
    for name in "abc":
        pod(cluster, name)
    settle(Scheduler(cluster), Kubelet(cluster))
    assert [of(cluster, name)["spec"]["nodeName"] for name in "abc"] == ["n1", "n2", "n1"]
    status = of(cluster, "a")["status"]
    assert status["phase"] == "Running"
    assert {item["type"]: item["status"] for item in status["conditions"]}["Ready"] == "True"
    assert len({of(cluster, name)["status"]["podIP"] for name in "abc"}) == 3


def test_a_pod_goes_only_where_it_wants_and_may() -> None:
    cluster = cluster_with("n1", "n2", "n3")
    cluster.edit(NODES, "", "n1", {"spec": {"unschedulable": True}})
    cluster.edit(NODES, "", "n2", {"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}})
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    pod(cluster, "free")
    pod(cluster, "pinned", affinity=affinity, tolerations=[{"operator": "Exists"}])
    pod(cluster, "stuck", affinity=affinity)
    pod(cluster, "selective", nodeSelector={"kubernetes.io/hostname": "n1"})
    settle(Scheduler(cluster))
    assert of(cluster, "free")["spec"]["nodeName"] == "n3"
    assert of(cluster, "pinned")["spec"]["nodeName"] == "n2"
    for name, reason in (("stuck", "untolerated taint"), ("selective", "unschedulable")):
        condition = of(cluster, name)["status"]["conditions"][0]
        assert condition["reason"] == "Unschedulable"
        assert reason in condition["message"]


def test_a_full_node_takes_no_more() -> None:
    cluster = cluster_with("n1")
    for name in "abc":
        pod(cluster, name, containers=[{**IMAGE, "resources": {"requests": {"cpu": "800m"}}}])
    settle(Scheduler(cluster))
    assert [of(cluster, name)["spec"].get("nodeName") for name in "abc"] == ["n1", "n1", None]
    assert "Insufficient cpu" in of(cluster, "c")["status"]["conditions"][0]["message"]


def test_a_deleted_pod_is_ended_by_its_kubelet_in_its_own_time() -> None:
    cluster = cluster_with("n1")
    kubelet = Kubelet(cluster)
    pod(cluster, "a")
    settle(Scheduler(cluster), kubelet)
    cluster.remove(PODS, "web", "a")
    assert of(cluster, "a")["metadata"]["deletionGracePeriodSeconds"] == 30
    assert kubelet.step() == 1
    assert of(cluster, "a") is None


def test_a_finalizer_outlives_the_kubelet() -> None:
    cluster = cluster_with("n1")
    kubelet = Kubelet(cluster)
    pod(cluster, "a", {"finalizers": ["example.com/f"]}, nodeName="n1")
    kubelet.step()
    cluster.remove(PODS, "web", "a")
    assert settle(kubelet) == 1
    assert of(cluster, "a")["metadata"]["deletionGracePeriodSeconds"] == 0
    cluster.edit(PODS, "web", "a", {"metadata": {"finalizers": None}})
    assert of(cluster, "a") is None


def test_pods_end_fail_and_are_evicted() -> None:
    cluster = cluster_with("n1")
    kubelet = Kubelet(cluster)
    for name in ("good", "bad", "evicted", "unready"):
        pod(cluster, name, nodeName="n1")
    kubelet.step()
    kubelet.complete("web", "good")
    kubelet.complete("web", "bad", 2)
    kubelet.evict("web", "evicted")
    kubelet.unready("web", "unready")
    assert [of(cluster, name)["status"]["phase"] for name in ("good", "bad", "evicted", "unready")] == ["Succeeded", "Failed", "Failed", "Running"]
    assert of(cluster, "bad")["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 2
    assert of(cluster, "evicted")["status"]["reason"] == "Evicted"
    assert {item["type"]: item["status"] for item in of(cluster, "unready")["status"]["conditions"]}["Ready"] == "False"


def test_a_kubelet_of_one_node_leaves_the_others_alone() -> None:
    cluster = cluster_with("n1", "n2")
    pod(cluster, "a", nodeName="n1")
    pod(cluster, "b", nodeName="n2")
    assert Kubelet(cluster, "n2").step() == 1
    assert [of(cluster, name)["status"]["phase"] for name in "ab"] == ["Pending", "Running"]


def test_a_namespace_ends_when_its_contents_have() -> None:
    cluster = cluster_with("n1")
    kubelet, controllers = Kubelet(cluster), Controllers(cluster)
    pod(cluster, "a", nodeName="n1")
    kubelet.step()
    settle(controllers)
    assert cluster.find(SERVICEACCOUNTS, "web", "default") is not None
    assert cluster.find(CONFIGMAPS, "web", "kube-root-ca.crt") is not None
    cluster.remove(NAMESPACES, "", "web")
    settle(controllers)
    assert cluster.find(NAMESPACES, "", "web") is not None
    assert [obj["metadata"]["name"] for obj in cluster.all(PODS)] == ["a"]
    assert not cluster.all(CONFIGMAPS, "web")
    settle(controllers, kubelet)
    assert cluster.find(NAMESPACES, "", "web") is None


def test_a_finalizer_holds_a_namespace_up() -> None:
    cluster = cluster_with()
    cluster.put(CONFIGMAPS, {"metadata": {"namespace": "web", "name": "a", "finalizers": ["example.com/f"]}})
    cluster.remove(NAMESPACES, "", "web")
    settle(Controllers(cluster))
    assert cluster.find(NAMESPACES, "", "web") is not None
    cluster.edit(CONFIGMAPS, "web", "a", {"metadata": {"finalizers": None}})
    settle(Controllers(cluster))
    assert cluster.find(NAMESPACES, "", "web") is None


def test_what_has_lost_its_owner_is_collected_also_when_the_owner_came_back_as_another() -> None:
    cluster = cluster_with()
    owner = cluster.put(CONFIGMAPS, {"metadata": {"namespace": "web", "name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    cluster.put(CONFIGMAPS, {"metadata": {"namespace": "web", "name": "owned", "ownerReferences": [reference]}})
    controllers = Controllers(cluster)
    assert controllers.garbage.step() == 0
    cluster.remove(CONFIGMAPS, "web", "owner")
    cluster.put(CONFIGMAPS, {"metadata": {"namespace": "web", "name": "owner"}})
    assert controllers.garbage.step() == 1
    assert cluster.find(CONFIGMAPS, "web", "owned") is None


def test_a_claim_in_use_stays_until_its_pod_is_gone() -> None:
    cluster = cluster_with("n1")
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    cluster.put(PERSISTENTVOLUMECLAIMS, {"metadata": {"namespace": "web", "name": "v"}, "spec": claim})
    pod(cluster, "a", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "v"}}])
    cluster.remove(PERSISTENTVOLUMECLAIMS, "web", "v")
    controllers = Controllers(cluster)
    settle(controllers)
    assert cluster.find(PERSISTENTVOLUMECLAIMS, "web", "v") is not None
    cluster.remove(PODS, "web", "a")
    settle(controllers)
    assert cluster.find(PERSISTENTVOLUMECLAIMS, "web", "v") is None


def test_with_service_accounts_a_pod_needs_one_and_gets_its_token() -> None:
    cluster = cluster_with(service_accounts=True)
    settle(Controllers(cluster))
    pod(cluster, "a")
    spec = of(cluster, "a")["spec"]
    assert spec["serviceAccountName"] == "default"
    token = spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    assert token == {"expirationSeconds": 3607, "path": "token"}
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    pod(cluster, "b", automountServiceAccountToken=False)
    assert "volumes" not in of(cluster, "b")["spec"]

"""What happens to a pod on either side, and how the other side learns of it."""

from __future__ import annotations

import time

from tests.e2e.stage import STRATEGIC, Obj, Place, World, condition, container, eventually, for_a_while, is_ready, status_of


def test_a_failing_container_is_told_with_its_exit_code(place: Place) -> None:
    place.pod("fails", {"behaviour": "fail", "exit-code": "42"}, restartPolicy="Never")
    pod = place.await_pod("fails", lambda pod: pod["status"]["phase"] == "Failed", "failed")
    assert status_of(pod)["state"]["terminated"]["exitCode"] == 42


def test_a_crash_looping_container_counts_its_restarts_in_the_tenant(place: Place) -> None:
    place.pod("loops", {"behaviour": "crash", "exit-code": "3", "restart-after": "1"})
    pod = place.await_pod("loops", lambda pod: status_of(pod)["restartCount"] >= 2, "restarted twice")
    assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 3


def test_an_image_that_cannot_be_pulled_is_told(place: Place) -> None:
    place.pod("no-image", {"behaviour": "image-pull-error"})
    place.await_pod("no-image", lambda pod: status_of(pod)["state"]["waiting"]["reason"] == "ImagePullBackOff", "waiting for its image")


def test_a_slow_start_is_seen_as_pending_and_then_ready(place: Place) -> None:
    place.pod("slow", {"start-after": "3"})
    place.await_pod("slow", lambda pod: status_of(pod)["state"]["waiting"]["reason"] == "ContainerCreating", "creating containers")
    assert not is_ready(place.get("pods", "slow"))
    place.await_pod("slow")


def test_a_pod_that_becomes_unready_on_the_host_is_unready_in_the_tenant_and_back(place: Place) -> None:
    place.pod("swings")
    place.await_pod("swings")
    place.patch("pods", "swings", {"metadata": {"annotations": {"test.kled.dev/ready": "false"}}})
    place.await_pod("swings", lambda pod: condition(pod, "Ready") == "False", "unready")
    place.patch("pods", "swings", {"metadata": {"annotations": {"test.kled.dev/ready": "true"}}})
    place.await_pod("swings")


def test_a_resize_in_place_is_carried_out_on_the_host(place: Place) -> None:
    small, large = ({"requests": {"cpu": cpu, "memory": "64Mi"}, "limits": {"cpu": cpu, "memory": "64Mi"}} for cpu in ("100m", "200m"))
    place.pod("grows", containers=[container(resources=small)])
    before = place.await_pod("grows")
    place.patch("pods", "grows", {"spec": {"containers": [{"name": "main", "resources": large}]}}, sub="resize", kind=STRATEGIC)
    eventually("the host pod has grown", lambda: place.host("pods", "grows")["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "200m")
    place.await_pod("grows", lambda pod: status_of(pod)["resources"]["requests"]["cpu"] == "200m", "resized")
    assert place.get("pods", "grows")["metadata"]["uid"] == before["metadata"]["uid"]


def test_an_ephemeral_container_runs_on_the_host_and_reports_back(place: Place, world: World) -> None:
    place.pod("debugged")
    place.await_pod("debugged")
    world.planes.tenant.kubectl(
        "-n", place.name, "debug", "debugged", "--profile=baseline", "--image=registry.example/shell:1", "--container=shell", "--target=main"
    )
    eventually("the host pod has it", lambda: place.host("pods", "debugged")["spec"]["ephemeralContainers"][0]["name"] == "shell")
    pod = place.await_pod("debugged", lambda pod: "running" in status_of(pod, "shell")["state"], "being debugged")
    assert pod["spec"]["ephemeralContainers"][0]["targetContainerName"] == "main"


def test_an_ephemeral_container_that_asks_for_too_much_is_refused_and_the_pod_goes_on(place: Place, world: World) -> None:
    place.pod("debugged")
    place.await_pod("debugged")
    # The default profile of kubectl adds SYS_PTRACE.
    world.planes.tenant.kubectl("-n", place.name, "debug", "debugged", "--image=registry.example/shell:1", "--container=shell", "--target=main")
    place.await_told("debugged", "SyncRefused", "spec.ephemeralContainers[0].securityContext.capabilities")
    assert "ephemeralContainers" not in place.host("pods", "debugged")["spec"]
    assert is_ready(place.get("pods", "debugged"))


def test_a_readiness_gate_opened_in_the_tenant_makes_the_pod_ready_on_both_sides(place: Place) -> None:
    place.pod("gated", readinessGates=[{"conditionType": "example.com/lb"}])
    place.await_pod("gated", lambda pod: condition(pod, "ContainersReady") == "True", "waiting for its gate")
    assert not is_ready(place.get("pods", "gated"))
    set_gate(place, "gated", "True")
    eventually("the host knows", lambda: condition(place.host("pods", "gated"), "example.com/lb") == "True")
    place.await_pod("gated")
    set_gate(place, "gated", "False")
    place.await_pod("gated", lambda pod: condition(pod, "Ready") == "False", "unready again")
    assert condition(place.get("pods", "gated"), "example.com/lb") == "False"


def set_gate(place: Place, name: str, status: str) -> None:
    place.patch("pods", name, {"status": {"conditions": [{"type": "example.com/lb", "status": status}]}}, sub="status", kind=STRATEGIC)


def test_deleting_a_pod_in_the_tenant_waits_for_the_host_to_let_it_end(place: Place) -> None:
    place.pod("ends-slowly", {"stop-after": "4"}, terminationGracePeriodSeconds=20)
    place.await_pod("ends-slowly")
    began = time.monotonic()
    place.delete("pods", "ends-slowly")
    copy = eventually("the host pod ends", lambda: deleting(place.host("pods", "ends-slowly")))
    assert copy["metadata"]["deletionGracePeriodSeconds"] == 20
    assert place.get("pods", "ends-slowly"), "the tenant's pod is there as long as its containers run"
    eventually("the tenant's pod is gone", lambda: not place.get("pods", "ends-slowly"))
    assert time.monotonic() - began >= 2.5
    assert not place.host("pods", "ends-slowly")


def test_deleting_a_pod_at_once_leaves_no_host_pod(place: Place) -> None:
    place.pod("forced", {"stop-after": "10"})
    place.await_pod("forced")
    place.delete("pods", "forced", grace=0)
    eventually("the host pod is gone", lambda: not place.host("pods", "forced"))
    assert not place.get("pods", "forced")


def test_a_host_pod_that_is_deleted_takes_its_tenant_pod_with_it_and_is_not_resurrected(place: Place, world: World) -> None:
    place.pod("lost", {"stop-after": "2"})
    place.await_pod("lost")
    world.host.delete("pods", place.on_host, "lost")
    place.await_pod("lost", lambda pod: pod["metadata"].get("deletionTimestamp") or pod["status"]["phase"] == "Failed", "seen to end")
    eventually("the tenant's pod is gone", lambda: not place.get("pods", "lost"))
    for_a_while("a lost pod stays lost", lambda: not place.host("pods", "lost"), 2)


def test_a_controllers_pod_that_is_evicted_on_the_host_is_replaced_by_a_new_one(place: Place, world: World) -> None:
    place.deployment("web", 2)
    victim = place.await_ready(2, app="web")[0]["metadata"]
    world.host.create(
        "pods",
        place.on_host,
        {"metadata": {"name": victim["name"], "namespace": place.on_host}, "apiVersion": "policy/v1", "kind": "Eviction"},
        sub="eviction",
    )
    eventually("the tenant's pod is gone", lambda: not place.get("pods", victim["name"]))
    after = place.await_ready(2, app="web")
    assert victim["uid"] not in {pod["metadata"]["uid"] for pod in after}


def test_a_pod_made_again_under_its_name_gets_a_new_host_pod(place: Place) -> None:
    place.pod("again")
    first = place.await_pod("again")["metadata"]["uid"]
    place.delete("pods", "again", grace=0)
    eventually("it is gone", lambda: not place.get("pods", "again"))
    place.pod("again", labels={"turn": "second"})
    second = place.await_pod("again")["metadata"]["uid"]
    copy = place.host("pods", "again")["metadata"]
    assert first != second
    assert (copy["annotations"]["kled.io/source-uid"], copy["labels"]["turn"]) == (second, "second")


def test_a_new_image_is_carried_to_the_running_host_pod(place: Place) -> None:
    place.pod("renewed")
    place.await_pod("renewed")
    uid = place.host("pods", "renewed")["metadata"]["uid"]
    place.patch("pods", "renewed", {"spec": {"containers": [container(image="registry.example/app:9")]}}, kind=STRATEGIC)
    eventually("the host has the image", lambda: place.host("pods", "renewed")["spec"]["containers"][0]["image"] == "registry.example/app:9")
    assert place.host("pods", "renewed")["metadata"]["uid"] == uid


def test_init_containers_and_sidecars_are_told_by_name(place: Place) -> None:
    place.pod("staged", initContainers=[container("first"), container("sidecar", restartPolicy="Always")])
    pod = place.await_pod("staged")
    assert status_of(pod, "first")["state"]["terminated"]["exitCode"] == 0
    assert status_of(pod, "sidecar")["ready"] is True


def test_a_pod_that_fits_nowhere_stays_pending_in_the_tenant_and_is_not_made_on_the_host(place: Place) -> None:
    place.pod("too-big", containers=[container(resources={"requests": {"cpu": "1000"}})])
    place.await_pod("too-big", lambda pod: condition(pod, "PodScheduled") == "False", "unschedulable")
    assert not place.host("pods", "too-big")


def deleting(pod: Obj) -> Obj | None:
    return pod if pod["metadata"].get("deletionTimestamp") else None

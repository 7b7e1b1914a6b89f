"""What happens to containers on a node, and that the tenant is told the truth about it."""

from __future__ import annotations

from typing import Any

from tests.e2e.stage import Obj, Place, condition, eventually, for_a_while, status_of
from tests.node.inside import become, environment, python, run, sh, shell, start

HOG = "import time; time.sleep(1); held = bytearray(200 << 20); time.sleep(1e6)"


def ended(pod: Obj, name: str = "main") -> Obj:
    """How the container's present or last life ended."""
    status = status_of(pod, name)
    return status["state"].get("terminated") or status["lastState"]["terminated"]


def same_as_on_the_host(place: Place, name: str) -> None:
    """Both sides say the same of the containers; ids and times included."""

    def agree() -> bool:
        here, there = place.get("pods", name)["status"], place.host("pods", name)["status"]
        lists = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
        return all([told(one) for one in here.get(key, [])] == [told(one) for one in there.get(key, [])] for key in lists)

    eventually(f"tenant and host say the same of {name}", agree)


def told(status: Obj) -> Obj:
    return {key: status.get(key) for key in ("name", "state", "lastState", "restartCount", "ready", "started", "containerID", "image", "resources")}


# --- beginnings


def test_init_containers_run_one_after_the_other_and_sidecars_stay(place: Place) -> None:
    mounts = [{"name": "v", "mountPath": "/v"}]
    first = shell("sleep 1; echo first >> /v/log", "first", volumeMounts=mounts)
    ready = {"exec": {"command": ["test", "-e", "/v/ready"]}, "periodSeconds": 1}
    helper = shell(
        "echo helper >> /v/log; touch /v/ready; exec sleep infinity", "helper", volumeMounts=mounts, restartPolicy="Always", startupProbe=ready
    )
    last = shell("echo last >> /v/log", "last", volumeMounts=mounts)
    start(
        place,
        "staged",
        shell("echo main >> /v/log; exec sleep infinity", volumeMounts=mounts),
        initContainers=[first, helper, last],
        volumes=[{"name": "v", "emptyDir": {}}],
    )
    assert sh(place, "staged", "cat /v/log").split() == ["first", "helper", "last", "main"]
    pod = place.get("pods", "staged")
    assert [ended(pod, name)["reason"] for name in ("first", "last")] == ["Completed"] * 2
    assert (status_of(pod, "helper")["started"], "running" in status_of(pod, "helper")["state"]) == (True, True)
    assert condition(pod, "Initialized") == "True"
    same_as_on_the_host(place, "staged")


def test_an_init_container_that_fails_is_seen_failing(place: Place) -> None:
    start(
        place, "stuck", shell(), initContainers=[shell("echo no config > /dev/termination-log; exit 3", "first")], restartPolicy="Never", wait=False
    )
    pod = place.await_pod("stuck", lambda pod: pod["status"]["phase"] == "Failed", "failed")
    assert (ended(pod, "first")["exitCode"], ended(pod, "first")["message"]) == (3, "no config\n")
    assert status_of(pod)["state"]["waiting"]["reason"] == "PodInitializing"


def test_an_image_that_is_not_there_is_the_tenants_to_know(place: Place) -> None:
    start(place, "imageless", {**shell(), "image": "localhost/nowhere:1", "imagePullPolicy": "Never"}, wait=False)
    pod = place.await_pod("imageless", lambda pod: status_of(pod)["state"]["waiting"]["reason"] == "ErrImageNeverPull", "waiting for its image")
    assert "localhost/nowhere:1" in status_of(pod)["state"]["waiting"]["message"]
    eventually("the kubelet's event is there", lambda: [one for one in place.events("imageless") if one["reason"] == "ErrImageNeverPull"])


# --- probes


def test_a_liveness_probe_that_fails_restarts_the_container(place: Place) -> None:
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/dead"]}, "periodSeconds": 1, "failureThreshold": 1, "terminationGracePeriodSeconds": 1}
    start(place, "dying", shell(livenessProbe=probe))
    sh(place, "dying", "touch /tmp/dead")
    pod = place.await_pod("dying", lambda pod: status_of(pod)["restartCount"] == 1 and status_of(pod)["ready"], "restarted")
    assert ended(pod)["exitCode"] == 137
    assert eventually("the event is told", lambda: [one for one in place.events("dying") if one["reason"] == "Unhealthy"])
    same_as_on_the_host(place, "dying")


def test_readiness_comes_and_goes_with_its_probe(place: Place) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/open"]}, "periodSeconds": 1, "failureThreshold": 1}
    start(place, "gated", shell(readinessProbe=probe), wait=False)
    place.await_pod("gated", lambda pod: status_of(pod)["started"], "started")
    for_a_while("it is not ready", lambda: condition(place.get("pods", "gated"), "Ready") == "False", 2)
    sh(place, "gated", "touch /tmp/open")
    place.await_pod("gated")
    sh(place, "gated", "rm /tmp/open")
    pod = place.await_pod("gated", lambda pod: condition(pod, "Ready") == "False", "not ready any more")
    assert status_of(pod)["restartCount"] == 0


def test_a_readiness_gate_of_the_tenant_is_the_tenants_to_open(place: Place) -> None:
    start(place, "gated", readinessGates=[{"conditionType": "example.com/open"}], wait=False)
    place.await_pod("gated", lambda pod: condition(pod, "ContainersReady") == "True", "running")
    for_a_while("it is not ready", lambda: condition(place.get("pods", "gated"), "Ready") != "True", 2)
    place.patch(
        "pods",
        "gated",
        {"status": {"conditions": [{"type": "example.com/open", "status": "True"}]}},
        "status",
        "application/strategic-merge-patch+json",
    )
    place.await_pod("gated")


# --- ends


def test_a_container_that_wants_too_much_memory_is_killed_and_the_tenant_sees_why(place: Place) -> None:
    limits = {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    start(place, "hungry", python(HOG, resources=limits), restartPolicy="Never", wait=False)
    pod = place.await_pod("hungry", lambda pod: pod["status"]["phase"] == "Failed", "failed")
    assert (ended(pod)["reason"], ended(pod)["exitCode"]) == ("OOMKilled", 137)
    same_as_on_the_host(place, "hungry")


def test_a_container_that_fails_is_restarted_and_its_last_words_are_kept(place: Place) -> None:
    start(place, "failing", shell("sleep 1; echo last words > /dev/termination-log; exit 42"), wait=False)
    pod = place.await_pod("failing", lambda pod: status_of(pod)["restartCount"] >= 1, "restarted")
    assert status_of(pod)["lastState"]["terminated"]["exitCode"] == 42
    assert status_of(pod)["lastState"]["terminated"]["message"] == "last words\n"
    pod = place.await_pod("failing", lambda pod: status_of(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff", "backing off")
    assert pod["status"]["phase"] == "Running"
    eventually("the event is told", lambda: [one for one in place.events("failing") if one["reason"] == "BackOff"])


def test_a_pod_of_several_that_end_says_how_each_ended(place: Place) -> None:
    start(place, "mixed", shell("exit 0", "good"), shell("exit 7", "bad"), restartPolicy="Never", wait=False)
    pod = place.await_pod("mixed", lambda pod: pod["status"]["phase"] == "Failed", "failed")
    assert {name: ended(pod, name)["exitCode"] for name in ("good", "bad")} == {"good": 0, "bad": 7}


def test_a_deleted_pod_is_given_its_time_and_its_last_hook(place: Place) -> None:
    place.service("told", clusterIP="None")
    start(place, "listener", shell("nc -l -p 80 > /tmp/heard; exec sleep infinity"), labels={"app": "told"})
    address = place.get("pods", "listener")["status"]["podIP"]
    hook = {"preStop": {"exec": {"command": ["sh", "-c", f"echo goodbye | nc {address} 80"]}}}
    start(place, "leaving", shell(lifecycle=hook))
    place.delete("pods", "leaving", grace=10)
    become(place, "listener", "cat /tmp/heard", "goodbye")
    eventually("it is gone on both sides", lambda: not place.get("pods", "leaving") and not place.host("pods", "leaving"))


# --- work


def job(name: str, script: str, **spec: Any) -> Obj:
    template = {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [shell(script)]}}
    return {"metadata": {"name": name}, "spec": {"template": template, **spec}}


def finished(obj: Obj, kind: str) -> Obj | None:
    return obj if condition(obj, kind) == "True" else None


def test_an_indexed_job_does_each_part_once(place: Place) -> None:
    script = 'echo "part $JOB_COMPLETION_INDEX" > /dev/termination-log'
    place.create("jobs", job("parts", script, completions=3, parallelism=2, completionMode="Indexed"))
    done = eventually("the job is complete", lambda: finished(place.get("jobs", "parts"), "Complete"))
    assert (done["status"]["succeeded"], done["status"]["completedIndexes"]) == (3, "0-2")
    assert sorted(ended(pod)["message"].strip() for pod in place.pods()) == ["part 0", "part 1", "part 2"]


def test_a_job_that_keeps_failing_gives_up_as_told(place: Place) -> None:
    rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]
    place.create("jobs", job("hopeless", "exit 42", backoffLimit=5, podFailurePolicy={"rules": rules}))
    done = eventually("the job has failed", lambda: finished(place.get("jobs", "hopeless"), "Failed"))
    assert {one["reason"] for one in done["status"]["conditions"] if one["type"] == "Failed"} == {"PodFailurePolicy"}
    assert done["status"]["failed"] == 1


# --- changes to what runs


def test_a_container_is_resized_in_place_and_both_sides_show_it(place: Place) -> None:
    resources = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}
    pod = start(place, "growing", shell(resources=resources))
    quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d ' ' -f 1 /sys/fs/cgroup/cpu.max"
    assert sh(place, "growing", quota) == "10000"
    larger = {"requests": {"cpu": "80m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
    place.patch(
        "pods", "growing", {"spec": {"containers": [{"name": "main", "resources": larger}]}}, "resize", "application/strategic-merge-patch+json"
    )
    pod = place.await_pod("growing", lambda pod: status_of(pod)["resources"]["limits"]["cpu"] == "200m", "resized")
    assert sh(place, "growing", quota) == "20000"
    assert (status_of(pod)["restartCount"], status_of(pod)["allocatedResources"]["cpu"]) == (0, "80m")
    eventually("nothing is left to do", lambda: not condition(place.get("pods", "growing"), "PodResizeInProgress"))
    same_as_on_the_host(place, "growing")


def test_an_ephemeral_container_joins_a_running_pod_and_sees_its_processes(place: Place) -> None:
    start(place, "watched", shell("exec sleep 12345"))
    mine = [{**shell(name="debugger"), "targetContainerName": "main"}]
    place.patch("pods", "watched", {"spec": {"ephemeralContainers": mine}}, "ephemeralcontainers", "application/strategic-merge-patch+json")
    place.await_pod("watched", lambda pod: "running" in status_of(pod, "debugger")["state"], "being debugged")
    assert "sleep 12345" in run(place, "watched", "ps", container="debugger")
    assert environment(place, "watched", "debugger")["HOSTNAME"] == "watched"
    same_as_on_the_host(place, "watched")


# --- evictions


def test_an_eviction_in_the_tenant_ends_the_pod_on_the_node(place: Place) -> None:
    start(place, "evicted")
    place.world.tenant.create("pods", place.name, {"metadata": {"name": "evicted"}}, sub="eviction")
    eventually("it is gone on both sides", lambda: not place.get("pods", "evicted") and not place.host("pods", "evicted"))


def test_a_pod_that_outgrows_its_volume_is_evicted_by_the_node_and_the_tenant_sees_why(place: Place) -> None:
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
    writer = shell("dd if=/dev/zero of=/v/big bs=1M count=4; exec sleep infinity", volumeMounts=[{"name": "v", "mountPath": "/v"}])
    start(place, "sprawling", writer, volumes=volumes, wait=False)
    pod = place.await_pod("sprawling", lambda pod: pod["status"].get("reason") == "Evicted", "evicted")
    assert pod["status"]["phase"] == "Failed"
    assert "exceeds the limit" in pod["status"]["message"]
    assert pod["status"]["message"] == place.host("pods", "sprawling")["status"]["message"]


def test_a_pod_evicted_on_the_host_is_replaced_by_the_tenants_controller(place: Place) -> None:
    place.deployment("web", 1, containers=[shell()], terminationGracePeriodSeconds=1)
    first = place.await_ready(1, app="web")[0]["metadata"]["name"]
    place.world.host.create("pods", place.on_host, {"metadata": {"name": first}}, sub="eviction")
    eventually("the pod is gone in the tenant", lambda: not place.get("pods", first))
    second = place.await_ready(1, app="web")[0]["metadata"]["name"]
    assert second != first

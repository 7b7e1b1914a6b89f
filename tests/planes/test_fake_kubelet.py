"""What the fake kubelets do with a pod: the ordinary, and what the pod asks for by annotation."""

from typing import Any

import pytest

from tests.planes.pods import Namespace, condition_of, container, is_ready, phase_is, status_of
from tools.planes import ControlPlane

pytestmark = pytest.mark.planes


class TestOrdinaryPods:
    def test_a_pod_runs_and_says_where(self, namespace: Namespace) -> None:
        namespace.create_pod("web")
        pod = namespace.pod_when("web", is_ready)
        assert pod["status"]["phase"] == "Running"
        assert pod["status"]["podIP"].startswith("10.")
        assert pod["status"]["hostIP"].startswith("10.64.")
        assert pod["status"]["startTime"]
        main = status_of(pod, "main")
        assert (main["ready"], main["started"], main["restartCount"]) == (True, True, 0)
        assert "running" in main["state"]

    def test_two_pods_have_different_addresses(self, namespace: Namespace) -> None:
        namespace.create_pod("one")
        namespace.create_pod("two")
        addresses = {namespace.pod_when(name, is_ready)["status"]["podIP"] for name in ("one", "two")}
        assert len(addresses) == 2

    def test_a_pod_on_the_host_network_has_the_address_of_its_node(self, namespace: Namespace) -> None:
        namespace.create_pod("net", hostNetwork=True)
        pod = namespace.pod_when("net", is_ready)
        assert pod["status"]["podIP"] == pod["status"]["hostIP"]

    def test_init_containers_complete_and_sidecars_keep_running(self, namespace: Namespace) -> None:
        namespace.create_pod("mixed", initContainers=[container("prepare"), container("proxy", restartPolicy="Always")])
        pod = namespace.pod_when("mixed", is_ready)
        assert status_of(pod, "prepare")["state"]["terminated"]["reason"] == "Completed"
        assert "running" in status_of(pod, "proxy")["state"]
        assert status_of(pod, "proxy")["started"] is True

    def test_an_ephemeral_container_added_later_runs_beside_the_others(self, namespace: Namespace) -> None:
        namespace.create_pod("web")
        before = namespace.pod_when("web", is_ready)
        namespace.kubectl("debug", "web", "--image=registry.example/tools:1", "--container=look", "--attach=false", "--profile=general")
        pod = namespace.pod_when("web", lambda pod: status_of(pod, "look")["state"]["running"])
        assert status_of(pod, "main") == status_of(before, "main")

    def test_a_readiness_gate_keeps_the_pod_unready_until_somebody_opens_it(self, namespace: Namespace) -> None:
        namespace.create_pod("gated", readinessGates=[{"conditionType": "example.com/open"}])
        pod = namespace.pod_when("gated", lambda pod: condition_of(pod, "ContainersReady") == "True")
        assert not is_ready(pod)
        patch = '{"status":{"conditions":[{"type":"example.com/open","status":"True"}]}}'
        namespace.kubectl("patch", "pod", "gated", "--subresource=status", "-p", patch)
        namespace.pod_when("gated", is_ready)

    def test_a_new_image_restarts_only_its_container(self, namespace: Namespace) -> None:
        namespace.create_pod("web", containers=[container("main"), container("other")])
        namespace.pod_when("web", is_ready)
        namespace.kubectl("set", "image", "pod/web", "main=registry.example/app:2")
        pod = namespace.pod_when("web", lambda pod: status_of(pod, "main")["restartCount"] == 1)
        assert status_of(pod, "main")["image"] == "registry.example/app:2"
        assert status_of(pod, "other")["restartCount"] == 0
        assert is_ready(pod)

    def test_a_resize_in_place_is_accepted_and_reported(self, namespace: Namespace) -> None:
        namespace.create_pod("web", containers=[container("main", resources={"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}})])
        pod = namespace.pod_when("web", is_ready)
        assert status_of(pod, "main")["allocatedResources"] == {"cpu": "100m"}
        patch = '{"spec":{"containers":[{"name":"main","resources":{"requests":{"cpu":"150m"},"limits":{"cpu":"300m"}}}]}}'
        namespace.kubectl("patch", "pod", "web", "--subresource=resize", "-p", patch)
        pod = namespace.pod_when("web", lambda pod: status_of(pod, "main")["resources"]["requests"]["cpu"] == "150m")
        assert status_of(pod, "main")["resources"]["limits"] == {"cpu": "300m"}
        assert status_of(pod, "main")["allocatedResources"] == {"cpu": "150m"}
        assert status_of(pod, "main")["restartCount"] == 0

    def test_a_pod_at_rest_is_not_written_again(self, namespace: Namespace) -> None:
        namespace.create_pod("web", containers=[container("main", resources={"limits": {"cpu": "1"}})])
        settled = namespace.pod_when("web", is_ready)["metadata"]["resourceVersion"]
        namespace.create_pod("later")
        namespace.pod_when("later", is_ready)
        assert namespace.pod("web")["metadata"]["resourceVersion"] == settled

    def test_a_deleted_pod_is_gone_soon_and_shows_its_end_first(self, namespace: Namespace) -> None:
        namespace.create_pod("web", {"stop-after": "2"})
        namespace.pod_when("web", is_ready)
        after = namespace.plane.audit_log.position()
        namespace.kubectl("delete", "pod", "web", "--wait=false")
        assert namespace.pod("web")["status"]["phase"] == "Running"
        namespace.pod_when("web", lambda pod: not pod)
        writes = [entry for entry in namespace.plane.audit_entries(after) if _about(entry, "web") and entry["user"]["username"] == "kwok"]
        assert [entry["verb"] for entry in writes] == ["patch", "delete"]
        assert writes[0]["responseObject"]["status"]["phase"] == "Failed"


def _about(entry: dict[str, Any], name: str) -> bool:
    about = entry.get("objectRef", {})
    return bool(about.get("resource") == "pods" and about.get("name") == name)


class TestPodsThatEnd:
    def test_a_pod_that_is_not_always_restarted_succeeds(self, namespace: Namespace) -> None:
        namespace.create_pod("task", restartPolicy="Never")
        pod = namespace.pod_when("task", phase_is("Succeeded"))
        assert status_of(pod, "main")["state"]["terminated"]["exitCode"] == 0
        assert not is_ready(pod)

    def test_it_keeps_running_when_it_asks_to(self, namespace: Namespace) -> None:
        namespace.create_pod("server", {"behaviour": "run"}, restartPolicy="Never")
        namespace.pod_when("server", is_ready)

    def test_a_job_completes(self, namespace: Namespace) -> None:
        template = {"spec": {"restartPolicy": "OnFailure", "containers": [container("main")]}}
        namespace.create("jobs", {"metadata": {"name": "sum"}, "spec": {"completions": 2, "template": template}}, group="apis/batch/v1")
        namespace.kubectl("wait", "--for=condition=Complete", "job/sum", "--timeout=60s")

    def test_a_failing_job_uses_up_its_attempts(self, namespace: Namespace) -> None:
        template = {
            "metadata": {"annotations": {"test.kled.dev/behaviour": "fail", "test.kled.dev/exit-code": "7"}},
            "spec": {"restartPolicy": "Never", "containers": [container("main")]},
        }
        namespace.create("jobs", {"metadata": {"name": "bad"}, "spec": {"backoffLimit": 0, "template": template}}, group="apis/batch/v1")
        namespace.kubectl("wait", "--for=condition=Failed", "job/bad", "--timeout=60s")

    def test_a_failing_pod_says_with_which_code(self, namespace: Namespace) -> None:
        namespace.create_pod("bad", {"behaviour": "fail", "exit-code": "3"}, restartPolicy="Never")
        pod = namespace.pod_when("bad", phase_is("Failed"))
        assert status_of(pod, "main")["state"]["terminated"]["exitCode"] == 3

    def test_a_pod_that_is_always_restarted_fails_only_by_eviction(self, namespace: Namespace) -> None:
        namespace.create_pod("victim", {"behaviour": "fail"})
        pod = namespace.pod_when("victim", phase_is("Failed"))
        assert pod["status"]["reason"] == "Evicted"


class TestPodsInTrouble:
    def test_a_slow_pod_is_pending_first_and_runs_later(self, namespace: Namespace) -> None:
        namespace.create_pod("slow", {"start-after": "3"})
        pod = namespace.pod_when("slow", lambda pod: pod["status"]["containerStatuses"])
        assert pod["status"]["phase"] == "Pending"
        assert status_of(pod, "main")["state"]["waiting"]["reason"] == "ContainerCreating"
        assert not is_ready(pod)
        assert status_of(namespace.pod_when("slow", is_ready), "main")["restartCount"] == 0

    def test_a_crashing_container_backs_off_and_is_restarted_again_and_again(self, namespace: Namespace) -> None:
        wishes = {"behaviour": "crash", "container": "bad", "restart-after": "1", "exit-code": "9"}
        namespace.create_pod("loop", wishes, containers=[container("good"), container("bad")])
        pod = namespace.pod_when("loop", lambda pod: status_of(pod, "bad")["state"]["waiting"]["reason"] == "CrashLoopBackOff")
        assert status_of(pod, "bad")["lastState"]["terminated"]["exitCode"] == 9
        assert not is_ready(pod)
        assert pod["status"]["phase"] == "Running"
        pod = namespace.pod_when("loop", lambda pod: status_of(pod, "bad")["restartCount"] >= 2)
        assert status_of(pod, "good")["restartCount"] == 0

    def test_a_crashing_container_recovers_when_the_wish_is_taken_back(self, namespace: Namespace) -> None:
        namespace.create_pod("loop", {"behaviour": "crash", "restart-after": "1"})
        namespace.pod_when("loop", lambda pod: status_of(pod, "main")["state"]["waiting"])
        namespace.kubectl("annotate", "pod", "loop", "test.kled.dev/behaviour-")
        pod = namespace.pod_when("loop", is_ready)
        assert status_of(pod, "main")["restartCount"] >= 1

    def test_an_image_that_cannot_be_pulled_is_named(self, namespace: Namespace) -> None:
        namespace.create_pod("typo", {"behaviour": "image-pull-error"})
        pod = namespace.pod_when("typo", lambda pod: pod["status"]["containerStatuses"])
        waiting = status_of(pod, "main")["state"]["waiting"]
        assert waiting["reason"] == "ImagePullBackOff"
        assert "registry.example/app:1" in waiting["message"]
        namespace.kubectl("annotate", "pod", "typo", "test.kled.dev/behaviour-")
        namespace.pod_when("typo", is_ready)

    def test_a_running_pod_can_be_made_unready_and_ready_again(self, namespace: Namespace) -> None:
        namespace.create_pod("web")
        namespace.pod_when("web", is_ready)
        namespace.kubectl("annotate", "pod", "web", "test.kled.dev/ready=false")
        pod = namespace.pod_when("web", lambda pod: not is_ready(pod))
        assert status_of(pod, "main")["ready"] is False
        namespace.kubectl("annotate", "pod", "web", "test.kled.dev/ready-")
        namespace.pod_when("web", is_ready)

    def test_a_crashing_pod_can_still_be_resized(self, namespace: Namespace) -> None:
        one_cpu = container("main", resources={"requests": {"cpu": "1"}})
        namespace.create_pod("loop", {"behaviour": "crash", "restart-after": "30"}, containers=[one_cpu])
        namespace.pod_when("loop", lambda pod: status_of(pod, "main")["state"]["waiting"])
        patch = '{"spec":{"containers":[{"name":"main","resources":{"requests":{"cpu":"2"}}}]}}'
        namespace.kubectl("patch", "pod", "loop", "--subresource=resize", "-p", patch)
        pod = namespace.pod_when("loop", lambda pod: status_of(pod, "main")["resources"]["requests"]["cpu"] == "2")
        assert status_of(pod, "main")["state"]["waiting"]["reason"] == "CrashLoopBackOff"


class TestNodes:
    def test_a_node_can_be_made_unready_and_ready_again(self, host: ControlPlane) -> None:
        host.kubectl("annotate", "node", "node-1", "test.kled.dev/ready=false", "--overwrite")
        host.kubectl("wait", "--for=condition=Ready=false", "node/node-1", "--timeout=60s")
        host.kubectl("annotate", "node", "node-1", "test.kled.dev/ready-")
        host.kubectl("wait", "--for=condition=Ready", "node/node-1", "--timeout=60s")

    def test_a_node_can_be_short_of_memory(self, host: ControlPlane) -> None:
        host.kubectl("annotate", "node", "node-1", "test.kled.dev/pressure=memory", "--overwrite")
        host.kubectl("wait", "--for=condition=MemoryPressure", "node/node-1", "--timeout=60s")
        host.kubectl("annotate", "node", "node-1", "test.kled.dev/pressure-")
        host.kubectl("wait", "--for=condition=MemoryPressure=false", "node/node-1", "--timeout=60s")

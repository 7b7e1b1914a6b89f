"""What is in the files of a tenant's pod, and what becomes of it when the tenant changes it."""

from __future__ import annotations

from typing import Any

from tests.e2e.stage import Obj, Place
from tests.node.inside import become, run, sh, shell, start

ALL = "cd /v && for f in $(ls); do echo $f=$(cat $f); done"


def mounted(name: str = "v", path: str = "/v", **more: Any) -> Obj:
    return {"name": name, "mountPath": path, **more}


def test_config_maps_and_secrets_are_files_with_their_modes_and_follow_every_change(place: Place) -> None:
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "1", "b": "2"}, "binaryData": {"c": "/wA="}})
    place.create("secrets", {"metadata": {"name": "keys"}, "stringData": {"key": place.world.canary(), "other": "x"}})
    volumes = [
        {"name": "v", "configMap": {"name": "settings"}},
        {"name": "s", "secret": {"secretName": "keys", "defaultMode": 0o400, "items": [{"key": "key", "path": "deep/key", "mode": 0o440}]}},
    ]
    start(place, "reader", shell(volumeMounts=[mounted(), mounted("s", "/s")]), volumes=volumes)
    assert sh(place, "reader", "cd /v && cat a b && od -An -tx1 c") == "12 ff 00"
    assert sh(place, "reader", "stat -L -c %a /s/deep/key && ls /s") == "440\ndeep"
    assert run(place, "reader", "cat", "/s/deep/key") == place.world.canaries[-1]
    place.patch("configmaps", "settings", {"data": {"a": "changed", "b": None, "d": "new"}, "binaryData": None})
    become(place, "reader", "ls /v; cat /v/a /v/d", "a\nd\nchangednew")
    changed = place.world.canary()
    place.patch("secrets", "keys", {"stringData": {"key": changed}})
    become(place, "reader", "cat /s/deep/key", changed)


def test_a_projected_volume_holds_everything_together_and_follows(place: Place) -> None:
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "1"}})
    place.create("secrets", {"metadata": {"name": "keys"}, "stringData": {"key": "old"}})
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "a", "path": "config/a"}]}},
        {"secret": {"name": "keys"}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        {"configMap": {"name": "nowhere", "optional": True}},
        {"configMap": {"name": "kube-root-ca.crt"}},
    ]
    start(place, "reader", shell(volumeMounts=[mounted()]), volumes=[{"name": "v", "projected": {"sources": sources}}])
    assert sh(place, "reader", "cat /v/config/a /v/key /v/namespace") == f"1old{place.name}"
    assert run(place, "reader", "cat", "/v/ca.crt") == place.world.planes.tenant.ca.read_text()
    place.patch("configmaps", "settings", {"data": {"a": "2"}})
    place.patch("secrets", "keys", {"stringData": {"key": "new"}})
    become(place, "reader", "cat /v/config/a /v/key /v/namespace", f"2new{place.name}")


def test_an_optional_config_map_appears_in_a_running_pod_when_it_is_made(place: Place) -> None:
    start(place, "waiting", shell(volumeMounts=[mounted()]), volumes=[{"name": "v", "configMap": {"name": "later", "optional": True}}])
    assert sh(place, "waiting", "ls /v") == ""
    place.create("configmaps", {"metadata": {"name": "later"}, "data": {"a": "here"}})
    become(place, "waiting", ALL, "a=here")


def test_a_pod_waits_for_a_config_map_it_needs_and_then_runs(place: Place) -> None:
    start(place, "waiting", shell(volumeMounts=[mounted()]), volumes=[{"name": "v", "configMap": {"name": "needed"}}], wait=False)
    place.await_told("waiting", "SyncWaiting", "needed")
    place.create("configmaps", {"metadata": {"name": "needed"}, "data": {"a": "here"}})
    place.await_pod("waiting")
    assert sh(place, "waiting", ALL) == "a=here"


def test_sub_paths_are_single_files_that_stay_as_they_were(place: Place) -> None:
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "1", "b": "2"}})
    env = [{"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]
    mounts = [mounted(path="/etc/one", subPath="a"), mounted(path="/whole"), mounted("work", "/work", subPathExpr="$(WHERE)/logs")]
    volumes = [{"name": "v", "configMap": {"name": "settings"}}, {"name": "work", "emptyDir": {}}]
    looker = shell(name="looker", volumeMounts=[mounted("work", "/all")])
    start(place, "single", shell(env=env, volumeMounts=mounts), looker, volumes=volumes)
    assert run(place, "single", "cat", "/etc/one") == "1"
    sh(place, "single", "echo here > /work/file")
    assert sh(place, "single", f"cat /all/{place.name}/logs/file", container="looker") == "here"
    place.patch("configmaps", "settings", {"data": {"a": "changed"}})
    become(place, "single", "cat /whole/a", "changed")
    assert run(place, "single", "cat", "/etc/one") == "1"


def test_empty_volumes_are_shared_by_containers_outlive_them_and_may_be_memory(place: Place) -> None:
    place.pod(
        "sharing",
        containers=[
            shell("echo $$ >> /v/starts; while [ ! -e /v/stop ]; do sleep 0.1; done; rm /v/stop; exit 1", volumeMounts=[mounted()]),
            shell(name="looker", volumeMounts=[mounted(), mounted("fast", "/fast")]),
        ],
        volumes=[{"name": "v", "emptyDir": {}}, {"name": "fast", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}],
        terminationGracePeriodSeconds=1,
    )
    place.await_pod("sharing")
    become(place, "sharing", "wc -l < /v/starts", "1", "looker")
    sh(place, "sharing", "touch /v/stop", "looker")
    become(place, "sharing", "wc -l < /v/starts", "2", "looker")
    assert sh(place, "sharing", "df -k /fast | tail -1 | tr -s ' ' | cut -d ' ' -f 1,2", "looker") == "tmpfs 8192"


def test_files_belong_to_the_group_of_the_pod_and_the_process_to_its_user(place: Place) -> None:
    place.create("secrets", {"metadata": {"name": "keys"}, "stringData": {"key": "x"}})
    identity = {"runAsUser": 1234, "runAsGroup": 2345, "fsGroup": 3456, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    own = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    volumes = [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "keys"}}]
    start(
        place,
        "grouped",
        shell(securityContext=own, volumeMounts=[mounted(), mounted("s", "/s")]),
        securityContext=identity,
        volumes=volumes,
    )
    assert sh(place, "grouped", "id -u; id -g; touch /v/file; stat -c %g /v/file; stat -L -c %g /s/key").split() == ["1234", "2345", "3456", "3456"]
    assert sh(place, "grouped", "touch /file 2>&1 || true").endswith("Read-only file system")
    status = dict(line.split(":\t", 1) for line in run(place, "grouped", "cat", "/proc/1/status").splitlines() if ":\t" in line)
    assert (status["CapEff"], status["NoNewPrivs"], status["Seccomp"]) == ("0" * 16, "1", "2")

"""What users and scripts rely on: the commands, their exit codes and shapes, and what is served over HTTP."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.stage import Place, Planes, World, eventually, free_port

TENANT = "told"
ACTION_KEYS = {"verb", "side", "kind", "namespace", "name", "source", "reason", "diff"}
FAMILIES = (
    "workqueue_depth",
    "workqueue_adds_total",
    "workqueue_queue_duration_seconds",
    "rest_client_requests_total",
    "rest_client_request_duration_seconds",
    "controller_runtime_reconcile_total",
    "controller_runtime_reconcile_errors_total",
    "leader_election_master_status",
    "kled_sync_operations_total",
    "kled_sync_lag_seconds",
    "kled_sync_objects",
    "kled_sync_conflicts_total",
    "kled_sync_refused_total",
    "kled_informer_synced",
    "kled_build_info",
    "process_resident_memory_bytes",
)


# --- before anything ran


def test_the_plan_of_a_fresh_tenant_is_what_run_then_writes(stopped_world: World) -> None:
    world = stopped_world
    place = world.place()
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "b"}})
    place.create("secrets", {"metadata": {"name": "credentials"}, "stringData": {"p": world.canary()}})
    place.service("web")
    done = world.command("plan", "-o", "json")
    assert done.returncode == 2, done.stderr
    actions = json.loads(done.stdout)["actions"]
    assert all(set(action) == ACTION_KEYS for action in actions)
    assert not [value for value in world.canaries if value in done.stdout]
    promised = {(one["side"], one["verb"], one["kind"], one["namespace"], one["name"]) for one in actions}
    assert ("host", "create", "Service", place.on_host, "web") in promised
    assert ("host", "create", "Namespace", "", place.on_host) in promised
    assert not [one for one in actions if one["name"] == "settings"], "nothing uses it"
    since = world.positions()
    world.start().ready()
    world.await_rest()
    written = {made(side, entry) for side in ("host", "tenant") for entry in world.writes(since, (side,))}
    unplanned = {one for one in written if one[2] not in ("RoleBinding", "ServiceAccount", "Event")} - promised
    assert not {one for one in unplanned if one[1] == "create"}, unplanned
    assert not {one for one in promised if one[1] == "create"} - written


def made(side: str, entry: dict[str, Any]) -> tuple[str, str, str, str, str]:
    body, about = entry.get("requestObject") or {}, entry["objectRef"]
    return (
        side,
        entry["verb"],
        body.get("kind", ""),
        about.get("namespace", "") if body.get("kind") != "Namespace" else "",
        body["metadata"].get("name", about.get("name")),
    )


# --- while it runs


def test_the_plan_is_empty_when_both_sides_agree_and_names_what_differs(place: Place, world: World) -> None:
    place.pod("one")
    place.await_pod("one")
    world.await_rest(2)
    done = world.command("plan", "-o", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"actions": []}), done.stdout
    assert "Nothing to write" in world.command("plan").stdout


@pytest.mark.parametrize("kind", ["po", "Pod"])
def test_explain_takes_a_kind_as_kubectl_does(place: Place, world: World, kind: str) -> None:
    place.pod("one")
    place.await_pod("one")
    done = world.command("explain", kind, f"{place.name}/one", "-o", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["state"] == "Synced"
    assert said["source"] == {"kind": "Pod", "namespace": place.name, "name": "one"}
    assert said["host"] == {"namespace": place.on_host, "name": "one", "exists": True}


@pytest.fixture(scope="module")
def stuck(world: World) -> Place:
    """Pods that are not on the host, each for another reason."""
    place = world.place()
    eventually("the host namespace is there", lambda: world.host.get("namespaces", "", place.on_host))
    world.host.create("configmaps", place.on_host, {"metadata": {"name": "foreign"}})
    world.host.create("secrets", place.on_host, {"metadata": {"name": "of-the-host"}, "stringData": {"key": "of the host"}})
    place.create("configmaps", {"metadata": {"name": "foreign"}, "data": {"a": "b"}})
    place.pod("waits", volumes=[{"name": "v", "configMap": {"name": "missing"}}])
    place.pod("refused", hostNetwork=True)
    place.pod("blocked", volumes=[{"name": "v", "configMap": {"name": "foreign"}}])
    # An optional reference to what the tenant does not have must not become one to what the host has.
    place.pod("thief", volumes=[{"name": "v", "secret": {"secretName": "of-the-host", "optional": True}}])
    return place


def test_explain_says_why_an_object_is_not_there(stuck: Place, world: World) -> None:
    stuck.await_told("waits", "SyncWaiting")
    stuck.await_told("refused", "SyncRefused")
    stuck.await_told("thief", "SyncWaiting", "of-the-host")
    for kind, name, state, word in (
        ("pod", "waits", "Waiting", "missing"),
        ("pod", "refused", "Refused", "hostNetwork"),
        ("configmap", "foreign", "Conflict", "another object"),
    ):
        done = world.command("explain", kind, f"{stuck.name}/{name}", "-o", "json")
        said = json.loads(done.stdout)
        assert (done.returncode, said["state"]) == (0, state), said
        assert word in said["message"]
    assert "Conflict" in world.command("explain", "configmap", f"{stuck.name}/foreign").stdout
    # What becomes of it is looked at by a later test: the syncer looks again after a minute.
    for kind, name in (("configmaps", "foreign"), ("secrets", "of-the-host")):
        world.host.delete(kind, stuck.on_host, name)


def test_explain_of_an_unmapped_namespace_says_unmapped(place: Place, world: World, tmp_path: Path) -> None:
    narrow = tmp_path / "narrow.yaml"
    narrow.write_text("sync: {namespaceMapping: {only-this: told-only-this}}\n")
    place.pod("one")
    sources = tuple(str(narrow) if value == str(world.sync_file) else value for value in world.sources)
    done = world.command("explain", "pod", f"{place.name}/one", "-o", "json", sources=sources)
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "Unmapped"), done.stdout + done.stderr


def test_explain_of_what_does_not_exist_fails_and_of_an_unknown_kind_is_a_usage_error(place: Place, world: World) -> None:
    missing = world.command("explain", "pod", f"{place.name}/nobody")
    assert missing.returncode == 1
    assert "nobody" in missing.stderr
    assert world.command("explain", "gadget", f"{place.name}/one").returncode == 64
    assert world.command("explain", "pod", "one").returncode == 64


@pytest.mark.parametrize("side", ["host", "tenant"])
def test_the_printed_rights_apply_as_they_are_for_a_service_account_too(world: World, side: str) -> None:
    done = world.command("rbac", "--side", side, "--subject", "default/somebody", "-o", "yaml")
    assert done.returncode == 0, done.stderr
    plane = world.planes.host if side == "host" else world.planes.tenant
    said = plane.kubectl("apply", "--dry-run=server", "-f", "-", input=done.stdout)
    assert "clusterrole" in said
    subjects = [one for manifest in yaml.safe_load_all(done.stdout) for one in manifest.get("subjects") or []]
    assert {(one["kind"], one["namespace"], one["name"]) for one in subjects} == {("ServiceAccount", "default", "somebody")}
    assert "*" not in {verb for manifest in yaml.safe_load_all(done.stdout) for rule in manifest.get("rules") or [] for verb in rule["verbs"]}


def test_metrics_have_the_families_and_health_is_served(place: Place, world: World) -> None:
    place.pod("one")
    place.await_pod("one")
    text = world.syncer.metrics()
    assert [name for name in FAMILIES if f"# TYPE {name}" not in text] == []
    assert world.syncer.value('kled_sync_operations_total{direction="down",kind="pods",op="create"') >= 1 or "kled_sync_operations_total" in text
    for path in ("/livez", "/healthz", "/readyz", "/readyz?verbose"):
        code, said = world.syncer.fetch(path)
        assert code == 200, said
    assert "[+]lists ok" in world.syncer.fetch("/readyz?verbose")[1]
    assert world.syncer.fetch("/elsewhere")[0] == 404


def test_every_log_line_is_json_with_the_tenant(world: World) -> None:
    lines = world.log.read_text().splitlines()
    assert lines
    assert all(json.loads(line)["tenant"] == "told" for line in lines)


# --- the configuration


def config(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "syncer", "config", *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_config_validates_shows_and_has_a_schema(world: World) -> None:
    valid = config("validate", "--sync-file", str(world.sync_file))
    assert (valid.returncode, "valid" in valid.stdout) == (0, True), valid.stderr
    assert json.loads(config("schema").stdout)["properties"]["sync"]
    shown = config("show", "--sync-file", str(world.sync_file), "--tenant", "told")
    assert shown.returncode == 0
    assert yaml.safe_load(shown.stdout)["policy"]["podSecurity"] == "baseline"


# --- bad input: one clear message, and no traceback


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, (done.returncode, done.stdout[-800:], done.stderr[-2000:])
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("kled-syncer: ")]
    assert len(said) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def replaced(world: World, flag: str, value: str) -> tuple[str, ...]:
    found = list(world.sources)
    found[found.index(flag) + 1] = value
    return tuple(found)


def kubeconfig(world: World, side: str, tmp_path: Path, **changes: str) -> tuple[str, ...]:
    """The sources with a kubeconfig in which the cluster is changed."""
    flag = f"--{side}-kubeconfig"
    content = yaml.safe_load(Path(world.sources[world.sources.index(flag) + 1]).read_text())
    for key, value in changes.items():
        content["clusters"][0]["cluster"][key.replace("_", "-")] = value
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(content))
    return replaced(world, flag, str(path))


@pytest.mark.parametrize("side", ["host", "tenant"])
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_a_server_that_cannot_be_reached_is_named(world: World, tmp_path: Path, side: str, verb: str) -> None:
    server = f"https://127.0.0.1:{free_port()}"
    refused(world.command(verb, sources=kubeconfig(world, side, tmp_path, server=server)), 1, server, side)


def test_a_wrong_authority_is_said(world: World, tmp_path: Path) -> None:
    other = base64.b64encode(world.planes.host.ca.read_bytes()).decode()
    refused(world.command("plan", sources=kubeconfig(world, "tenant", tmp_path, certificate_authority_data=other)), 1, "certificate")


def test_an_expired_client_certificate_is_said(world: World, planes: Planes, tmp_path: Path) -> None:
    sources = kubeconfig(world, "host", tmp_path)
    path = Path(sources[sources.index("--host-kubeconfig") + 1])
    content = yaml.safe_load(path.read_text())
    certificate, key = expired(planes, tmp_path)
    content["users"][0]["user"] = {"client-certificate-data": certificate, "client-key-data": key}
    path.write_text(yaml.safe_dump(content))
    refused(world.command("plan", sources=sources), 1, "expired")


def expired(planes: Planes, folder: Path) -> tuple[str, str]:
    """A client certificate of the host's authority whose time is over, in base64."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pki = planes.host.ca.parent
    authority = x509.load_pem_x509_certificate(planes.host.ca.read_bytes())
    signer = serialization.load_pem_private_key((pki / planes.host.ca.name.replace(".crt", ".key")).read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kled-syncer-told")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(authority.subject).public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now - datetime.timedelta(days=1))
    made = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode(), base64.b64encode(pem).decode()


def test_a_missing_permission_is_named_with_what_to_do(world: World, planes: Planes) -> None:
    sources = replaced(world, "--host-kubeconfig", str(planes.host.user_kubeconfig("nobody-in-particular")))
    refused(world.command("run", sources=sources), 1, "rbac")


def test_a_kubeconfig_that_is_not_there_is_named(world: World) -> None:
    refused(world.command("run", sources=replaced(world, "--host-kubeconfig", "/nowhere/host.yaml")), 1, "/nowhere/host.yaml")


def test_a_sync_file_that_is_not_there_is_named(world: World) -> None:
    refused(world.command("run", sources=replaced(world, "--sync-file", "/nowhere/sync.yaml")), 64, "/nowhere/sync.yaml")


def test_an_unknown_key_is_named_with_file_and_line(world: World, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("sync:\n  resources:\n    - name: pods\n      mood: good\n")
    done = world.command("run", sources=replaced(world, "--sync-file", str(wrong)))
    refused(done, 64, "mood")
    assert re.search(r"wrong\.yaml:4", done.stderr)


def test_an_unknown_flag_and_a_missing_tenant_are_usage_errors(world: World) -> None:
    assert world.command("run", "--no-such-flag").returncode == 64
    sources = tuple(value for value in world.sources if value not in ("--tenant", "told"))
    assert world.command("plan", sources=sources).returncode == 64


# --- later


def test_recovery_follows_by_itself_when_foreign_objects_are_removed(stuck: Place) -> None:
    stuck.await_pod("blocked")
    stuck.await_pod("thief")
    assert stuck.host("configmaps", "foreign")["data"] == {"a": "b"}
    assert not stuck.host("secrets", "of-the-host")


# --- who the tenant is


def test_a_second_cluster_under_the_same_name_is_refused(world: World, planes: Planes) -> None:
    """The host stands in for another cluster: its kube-system has another UID."""
    eventually("the Lease remembers", lambda: remembered(world))
    assert world.syncer.stop() == 0
    admin = world.folder / "other-cluster.yaml"
    shutil.copy(planes.host.kubeconfig, admin)
    refused(world.command("run", sources=replaced(world, "--tenant-kubeconfig", str(admin))), 1, "kube-system", "told")
    world.start().ready()


def remembered(world: World) -> str:
    lease = world.host.get("leases", world.own_namespace, "kled-syncer-told")
    return str(lease["metadata"]["annotations"]["kled.io/tenant-uid"])

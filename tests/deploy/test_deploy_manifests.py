"""The manifests of deploy/kustomize, as kubectl renders them, and the image that they run."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import config
from tools.planes.binaries import cache_folder

ROOT = Path(__file__).parents[2]
KUSTOMIZE = ROOT / "deploy" / "kustomize"
SERVED = {"/livez", "/readyz", "/healthz"}
Manifest = dict[str, Any]


def kubectl() -> str:
    """Where the control planes of the other tests would take it from; nothing is fetched for this."""
    named = os.pathsep.join([os.environ.get("KUBEBUILDER_ASSETS", ""), os.environ.get("PATH", "")])
    found = shutil.which("kubectl", path=named) or next(map(str, cache_folder().glob("*/kubectl")), None)
    if found is None:
        pytest.skip("there is no kubectl to render with")
    return found


@pytest.fixture(scope="module", params=["base", "example"])
def rendered(request: pytest.FixtureRequest) -> list[Manifest]:
    made = subprocess.run([kubectl(), "kustomize", str(KUSTOMIZE / request.param)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return list(yaml.safe_load_all(made.stdout))


def of_kind(rendered: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in rendered if manifest["kind"] == kind]


@pytest.fixture
def pod(rendered: list[Manifest]) -> Manifest:
    (stateful_set,) = of_kind(rendered, "StatefulSet")
    return dict(stateful_set["spec"]["template"]["spec"])


@pytest.fixture
def sync(rendered: list[Manifest]) -> Manifest:
    (config_map,) = of_kind(rendered, "ConfigMap")
    return dict(yaml.safe_load(config_map["data"]["sync.yaml"]))


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["initContainers"], *pod["containers"]]


def named(pod: Manifest, name: str) -> Manifest:
    return next(container for container in containers(pod) if container["name"] == name)


def mounted(container: Manifest) -> set[str]:
    return {mount["name"] for mount in container["volumeMounts"]}


def flag(container: Manifest, name: str) -> str:
    (found,) = (argument for argument in container["command"] if argument.startswith(f"--{name}="))
    return str(found.partition("=")[2])


def probes(container: Manifest) -> Iterator[Manifest]:
    return (container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe") if name in container)


def test_no_container_runs_as_root_or_could_become_it(pod: Manifest):
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(pod):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, container["name"]
        assert context["readOnlyRootFilesystem"] is True, container["name"]
        assert context["capabilities"]["drop"] == ["ALL"], container["name"]
        assert "privileged" not in context
        assert context["capabilities"].get("add", []) == (["NET_BIND_SERVICE"] if container["name"] == "kube-apiserver" else [])


def test_nothing_of_the_node_is_shared(pod: Manifest):
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert not any("hostPort" in port for container in containers(pod) for port in container.get("ports", ()))


def test_the_namespace_enforces_what_the_pod_keeps(rendered: list[Manifest]):
    (namespace,) = of_kind(rendered, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_hosts_token_is_in_the_syncers_container_only(rendered: list[Manifest], pod: Manifest):
    (account,) = of_kind(rendered, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert [container["name"] for container in containers(pod) if "host-token" in mounted(container)] == ["syncer"]
    paths = {mount["name"]: mount["mountPath"] for mount in named(pod, "syncer")["volumeMounts"]}
    assert paths["host-token"] == "/var/run/secrets/kubernetes.io/serviceaccount"


def test_the_authoritys_key_is_in_the_one_container_that_signs(pod: Manifest):
    holding = {volume["name"] for volume in pod["volumes"] if any(item["key"] == "ca.key" for item in volume.get("secret", {}).get("items", ()))}
    assert [container["name"] for container in containers(pod) if mounted(container) & holding] == ["kube-controller-manager"]


def test_every_mount_has_its_volume_and_every_volume_a_mount(rendered: list[Manifest], pod: Manifest):
    (stateful_set,) = of_kind(rendered, "StatefulSet")
    claims = {claim["metadata"]["name"] for claim in stateful_set["spec"]["volumeClaimTemplates"]}
    assert set().union(*map(mounted, containers(pod))) == {volume["name"] for volume in pod["volumes"]} | claims


def test_files_named_by_flags_are_mounted(pod: Manifest):
    items = {volume["name"]: {item["path"] for item in volume.get("secret", {}).get("items", ())} for volume in pod["volumes"]}
    for container in containers(pod):
        volumes = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        for path in re.findall(r"=(/etc/kled/pki/\S+)", "\n".join(container.get("command", ()))):
            folder, _, file = path.rpartition("/")
            assert file in items[volumes[folder]], path


def test_probes_ask_what_is_served_on_ports_that_exist(pod: Manifest):
    for container in containers(pod):
        ports = {port["name"] for port in container["ports"]}
        for probe in probes(container):
            assert probe["port"] in ports
            assert probe["path"] in SERVED
    syncer = named(pod, "syncer")
    assert syncer["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert syncer["readinessProbe"]["httpGet"]["path"] == "/readyz"
    (address,) = (variable["value"] for variable in syncer["env"] if variable["name"] == "KLED_METRICS_ADDRESS")
    assert address == f":{syncer['ports'][0]['containerPort']}"


def test_memory_is_limited_everywhere(pod: Manifest):
    assert all("memory" in container["resources"]["limits"] for container in containers(pod))
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)


def test_the_api_server_is_up_before_the_syncer_and_down_after_it(pod: Manifest):
    assert [container["name"] for container in pod["initContainers"]] == ["etcd", "kube-apiserver"]
    assert all(container["restartPolicy"] == "Always" and "startupProbe" in container for container in pod["initContainers"])


def test_etcd_listens_for_clients_inside_the_pod_only(pod: Manifest):
    etcd = named(pod, "etcd")
    assert flag(etcd, "listen-client-urls").startswith("http://127.0.0.1:")
    assert flag(etcd, "listen-peer-urls").startswith("http://127.0.0.1:")


def test_names_ranges_and_the_sync_file_agree(rendered: list[Manifest], pod: Manifest, sync: Manifest):
    tenant, cidr = sync["tenant"]["name"], sync["tenant"]["serviceCIDR"]
    namespaces = {manifest["metadata"].get("namespace") for manifest in rendered if manifest["kind"] != "Namespace"}
    assert namespaces == {f"kled-{tenant}"} == {of_kind(rendered, "Namespace")[0]["metadata"]["name"]}
    assert flag(named(pod, "kube-apiserver"), "service-cluster-ip-range") == cidr
    assert flag(named(pod, "kube-controller-manager"), "service-cluster-ip-range") == cidr
    kubeconfig = Path(sync["tenant"]["kubeconfig"])
    assert str(kubeconfig.parent) in {mount["mountPath"] for mount in named(pod, "syncer")["volumeMounts"]}
    (config_map,) = of_kind(rendered, "ConfigMap")
    assert {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume} == {config_map["metadata"]["name"]}


def test_services_and_the_network_policy_select_the_pod(rendered: list[Manifest], pod: Manifest):
    (stateful_set,) = of_kind(rendered, "StatefulSet")
    labels = stateful_set["spec"]["template"]["metadata"]["labels"].items()
    ports = {port["containerPort"] for container in containers(pod) for port in container["ports"]}
    for service in of_kind(rendered, "Service"):
        assert service["spec"]["selector"].items() <= labels
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    (policy,) = of_kind(rendered, "NetworkPolicy")
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels
    assert stateful_set["spec"]["serviceName"] in {service["metadata"]["name"] for service in of_kind(rendered, "Service")}


@pytest.mark.parametrize("name", ["base", "example"])
def test_the_sync_files_are_valid(name: str):
    config.validate(sync_file=KUSTOMIZE / name / "sync.yaml")


def test_versions_are_those_the_tests_run_against():
    images = {image["name"]: image["newTag"] for image in yaml.safe_load((KUSTOMIZE / "base" / "kustomization.yaml").read_text())["images"]}
    kubernetes = re.search(r"k8s\.io/kubernetes (v\S+)", (ROOT / "tools" / "binaries" / "kubernetes" / "go.mod").read_text())
    etcd = re.search(r"go\.etcd\.io/etcd/server/v3 v(\S+)", (ROOT / "tools" / "binaries" / "etcd" / "go.mod").read_text())
    assert kubernetes is not None
    assert etcd is not None
    assert {tag for name, tag in images.items() if "/kube-" in name} == {kubernetes[1]}
    assert images["registry.k8s.io/etcd"].startswith(f"{etcd[1]}-")


def test_the_readme_names_every_secret_and_its_keys(pod: Manifest):
    readme = (KUSTOMIZE / "README.md").read_text()
    for volume in pod["volumes"]:
        if secret := volume.get("secret"):
            assert f"`{secret['secretName']}`" in readme
            assert all(f"`{item['key']}`" in readme for item in secret.get("items", ()))


def stages() -> list[list[str]]:
    """The Dockerfile's instructions, by stage, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [part.strip().splitlines() for part in re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]]


def test_the_image_runs_the_syncer_as_nobody_in_particular():
    last = stages()[-1]
    assert "USER 65532:65532" in last
    assert 'ENTRYPOINT ["kled-syncer"]' in last
    environment = " ".join(line for line in last if line.startswith("ENV "))
    assert "MALLOC_ARENA_MAX=2" in environment
    assert "PYTHONDONTWRITEBYTECODE=1" in environment


def test_the_image_is_made_from_the_lock_file_with_hashes_and_keeps_no_installer():
    build, last = stages()
    assert any("--require-hashes" in line and "requirements.lock" in line for line in build)
    assert not any(re.search(r"\bpip3? .*install\b", line) for line in last)
    assert any("rm -rf" in line and "/pip*" in line for line in last)


def test_the_build_sees_only_what_it_needs():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = {word for stage in stages() for line in stage if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]}
    assert allowed == copied
    assert all((ROOT / name).exists() for name in allowed)

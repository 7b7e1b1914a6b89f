"""Volumes: every kind there is, hostPath prefixes, projections, drivers and memory."""

from __future__ import annotations

import pytest
from policy_pods import checks, host_pod, judge, spoiled

from syncer.policy.volumes import is_below

# The members of io.k8s.api.core.v1.Volume besides `name`, from api/openapi-spec/swagger.json of k8s.io/kubernetes v1.36.3.
VOLUME_SOURCES = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "image",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "portworxVolume",
    "projected",
    "quobyte",
    "rbd",
    "scaleIO",
    "secret",
    "storageos",
    "vsphereVolume",
]
# The members of io.k8s.api.core.v1.VolumeProjection there.
PROJECTIONS = ["clusterTrustBundle", "configMap", "downwardAPI", "podCertificate", "secret", "serviceAccountToken"]

ALWAYS = {"configMap", "secret", "emptyDir", "downwardAPI", "persistentVolumeClaim", "projected"}
BY_A_LIST_OF_THEIR_OWN = {"hostPath": "hostPathVolumes", "csi": "csiDrivers"}
PASS_RESTRICTED = ALWAYS | {"csi", "ephemeral", "image"}


def with_volume(kind, source=None):
    return spoiled("spec.volumes[1]", {"name": "extra", kind: {} if source is None else source})


@pytest.mark.parametrize("kind", VOLUME_SOURCES)
@pytest.mark.parametrize("level", ["privileged", "baseline", "restricted"])
def test_every_kind_of_volume_is_allowed_or_refused_as_documented(kind, level):
    found = judge(with_volume(kind), pod_security=level)
    if kind in ALWAYS:
        assert found == ()
    else:
        at_restricted = level == "restricted" and kind not in PASS_RESTRICTED
        expected = BY_A_LIST_OF_THEIR_OWN.get(kind, "restrictedVolumes" if at_restricted else "volumeTypes")
        assert [violation.check for violation in found] == [expected]
        assert found[0].field.startswith(f"spec.volumes[1].{kind}")


@pytest.mark.parametrize("kind", sorted(set(VOLUME_SOURCES) - ALWAYS))
def test_other_kinds_pass_when_listed_except_those_with_a_list_of_their_own(kind):
    for level in ("privileged", "baseline", "restricted"):
        found = checks(with_volume(kind), pod_security=level, allow_volume_types=frozenset({kind}))
        assert found == ({BY_A_LIST_OF_THEIR_OWN[kind]} if kind in BY_A_LIST_OF_THEIR_OWN else set())


@pytest.mark.parametrize("kind", ["somethingNew", "HostPath", "", "name ", "\x1b[2J", "x" * 5000])
def test_a_kind_of_volume_that_nobody_knows_is_refused_without_repeating_its_tricks(kind):
    (violation,) = judge(with_volume(kind))
    assert violation.check == "volumeTypes"
    assert violation.field.isprintable()
    assert violation.reason.isprintable()
    assert len(violation.field) < 200
    assert len(violation.reason) < 300


def test_a_volume_with_a_good_source_beside_a_bad_one_is_refused():
    found = judge(spoiled("spec.volumes[0].nfs", {"server": "x", "path": "/"}))
    assert {violation.check for violation in found} == {"volumeTypes"}
    assert len(judge(spoiled("spec.volumes[0].secret", {"secretName": "x"}))) == 1


def test_a_source_that_is_null_is_no_source():
    assert judge(spoiled("spec.volumes[0].hostPath", None)) == ()


def test_a_volume_without_a_source_is_an_empty_dir():
    assert judge(spoiled("spec.volumes[0]", {"name": "config"}), pod_security="restricted") == ()


@pytest.mark.parametrize("kind", PROJECTIONS)
def test_only_config_maps_secrets_and_the_downward_api_are_projected(kind):
    found = judge(with_volume("projected", {"sources": [{"secret": {"name": "token"}}, {kind: {}}]}))
    if kind in {"configMap", "secret", "downwardAPI"}:
        assert found == ()
    else:
        assert [(violation.check, violation.field) for violation in found] == [("projectedSources", f"spec.volumes[1].projected.sources[1].{kind}")]


def test_nothing_lets_a_token_of_the_host_be_projected():
    pod = with_volume("projected", {"sources": [{"serviceAccountToken": {"path": "token", "audience": "vault"}}]})
    everything = frozenset({"projected", "serviceAccountToken", "projectedSources"})
    assert checks(pod, pod_security="privileged", allow_volume_types=everything, pod_security_exceptions=everything) == {"projectedSources"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/data", True),
        ("/data/", True),
        ("/data/a/b", True),
        ("//data///a", True),
        ("/data/./a", True),
        ("/srv/models", True),
        ("/database", False),
        ("/dat", False),
        ("/", False),
        ("", False),
        ("data", False),
        ("/data/../etc", False),
        ("/data/..", False),
        ("/../data", False),
        ("/srv", False),
        ("/DATA", False),
        ("/data\x00/etc", False),
        ("/data/a\nb", False),
        (None, False),
        (["/data"], False),
    ],
)
def test_a_host_path_must_lie_below_an_allowed_directory(path, allowed):
    for level in ("privileged", "baseline", "restricted"):
        found = checks(with_volume("hostPath", {"path": path}), pod_security=level, allow_host_paths=("/data", "/srv/models/"))
        assert found == (set() if allowed else {"hostPathVolumes"})


def test_the_root_as_prefix_allows_every_absolute_path_and_a_relative_prefix_allows_none():
    assert is_below("/etc/shadow", ("/",))
    assert not is_below("/data", ("data", "", "/data/../data"))


def test_csi_volumes_go_by_their_driver():
    allowed = frozenset({"secrets-store.csi.k8s.io"})
    assert checks(with_volume("csi", {"driver": "secrets-store.csi.k8s.io"}), allow_csi_drivers=allowed) == set()
    for driver in ("hostpath.csi.k8s.io", "", None, 5, ["secrets-store.csi.k8s.io"]):
        assert checks(with_volume("csi", {"driver": driver}), allow_csi_drivers=allowed) == {"csiDrivers"}


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        ("1Gi", True),
        ("1024Mi", True),
        ("1.0Gi", True),
        (1073741824, True),
        ("500M", True),
        (1.5, True),
        ("1Gi1", False),
        ("1073741825", False),
        ("2Gi", False),
        ("1e12", False),
        ("1e999999999", False),
        ("0", False),
        ("-1Gi", False),
        ("", False),
        (None, False),
        (True, False),
        (float("inf"), False),
        (float("nan"), False),
        pytest.param(10**5000, False, id="huge"),
        ({}, False),
        ("\ud800", False),
    ],
)
def test_a_volume_in_memory_must_be_limited_to_the_cap(limit, fits):
    pod = host_pod()
    pod["spec"]["volumes"].append({"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": limit}})
    assert checks(pod, memory_volume_cap="1Gi") == (set() if fits else {"memoryVolumes"})


def test_without_a_cap_and_on_disk_an_empty_dir_may_have_any_size():
    assert judge(with_volume("emptyDir", {"medium": "Memory"})) == ()
    assert judge(with_volume("emptyDir", {}), memory_volume_cap="1Gi") == ()
    assert judge(with_volume("emptyDir", {"medium": "", "sizeLimit": "9Ti"}), memory_volume_cap="1Gi") == ()


def test_a_medium_that_is_no_text_is_malformed():
    assert checks(with_volume("emptyDir", {"medium": ["Memory"]}), memory_volume_cap="1Gi") == {"malformed"}

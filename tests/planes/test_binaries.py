"""Where binaries come from, and what a developer is told when they come from nowhere."""

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.planes import binaries, build, download
from tools.planes.errors import BinariesUnavailableError


@pytest.fixture(autouse=True)
def nothing_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with an empty cache, no Go, no binaries and no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setattr(build, "USUAL_GO", tmp_path / "no-go")
    monkeypatch.setattr(download, "_unreachable", [])
    monkeypatch.setattr(download, "_read", unreachable)
    binaries.version_of.cache_clear()
    yield
    binaries.version_of.cache_clear()


def unreachable(url: str, timeout: float) -> bytes:
    raise OSError("Network is unreachable")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def in_cache(name: str) -> Path:
    return binaries.cache_folder() / binaries.family_of(name).key / name


class TestWhatIsThere:
    def test_a_named_folder_with_the_right_version_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = script(tmp_path / "assets" / "kube-apiserver", "echo Kubernetes v1.36.1")
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(mine.parent))
        assert binaries.ensure(["kube-apiserver"]) == {"kube-apiserver": mine}

    def test_a_binary_on_the_path_with_the_right_version_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = script(tmp_path / "bin" / "etcd", "echo etcd Version: 3.6.1")
        monkeypatch.setenv("PATH", str(mine.parent))
        assert binaries.ensure(["etcd"]) == {"etcd": mine}

    def test_a_wrong_version_falls_through_to_the_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        old = script(tmp_path / "assets" / "kubectl", "echo Client Version: v1.29.0")
        cached = script(in_cache("kubectl"), "true")
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(old.parent))
        assert binaries.ensure(["kubectl"]) == {"kubectl": cached}

    def test_a_binary_that_cannot_run_falls_through_to_the_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = script(tmp_path / "assets" / "kwok", "exit 1")
        cached = script(in_cache("kwok"), "true")
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(broken.parent))
        assert binaries.ensure(["kwok"]) == {"kwok": cached}

    def test_the_versions_are_the_pinned_ones(self) -> None:
        assert {family.name: family.version.rsplit(".", 1)[0] for family in binaries.FAMILIES} == {
            "kubernetes": "1.36",
            "kubernetes-1.35": "1.35",
            "etcd": "3.6",
            "kwok": "0.8",
            "containerd": "2.4",
            "runc": "1.5",
            "cni-plugins": "1.9",
            "coredns": "1.14",
            "metrics-server": "0.9",
        }

    def test_another_release_of_the_same_binary_is_asked_for_by_name(self) -> None:
        assert binaries.family_of("kube-apiserver@1.35").version.startswith("1.35.")
        with pytest.raises(BinariesUnavailableError, match=r"kubectl@1\.35"):
            binaries.family_of("kubectl@1.35")

    def test_every_binary_has_a_recipe_of_its_familys_module(self) -> None:
        for family in binaries.FAMILIES:
            for name in family.members:
                assert build.RECIPES[name].package.startswith(family.module.removesuffix("/v2")), name

    def test_another_go_sum_is_another_cache_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = binaries.family_of("etcd").key
        copy = tmp_path / "sources" / "etcd"
        copy.mkdir(parents=True)
        for file in ("go.mod", "go.sum"):
            (copy / file).write_text((binaries.SOURCES / "etcd" / file).read_text() + "\n")
        monkeypatch.setattr(binaries, "SOURCES", copy.parent)
        assert binaries.family_of("etcd").key != before


class TestWhenNothingWorks:
    def test_the_error_names_what_is_missing_what_was_tried_and_what_to_do(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        old = script(tmp_path / "assets" / "etcd", "echo etcd Version: 3.4.0")
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(old.parent))
        with pytest.raises(BinariesUnavailableError) as raised:
            binaries.ensure(["etcd"])
        words = str(raised.value)
        assert "etcd 3.6." in words
        assert "3.4.0, wanted 3.6.x" in words
        assert "not in the cache" in words
        assert "Network is unreachable" in words
        assert "no go command" in words
        assert "install Go 1.26" in words

    def test_an_old_go_is_named_with_its_own_words(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        go = script(tmp_path / "go" / "go", "echo 'go.mod requires go >= 1.26.0 (running go 1.20)' >&2; exit 1")
        monkeypatch.setenv("PATH", str(go.parent))
        with pytest.raises(BinariesUnavailableError, match=r"requires go >= 1\.26\.0"):
            binaries.ensure(["etcd"])

    def test_an_old_go_that_does_not_say_so_is_recognised(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        go = script(tmp_path / "go" / "go", "echo go version go1.20.3 linux/amd64")
        monkeypatch.setenv("PATH", str(go.parent))
        with pytest.raises(BinariesUnavailableError, match=r"is version 1\.20\.3"):
            binaries.ensure(["etcd"])

    def test_a_failed_build_shows_what_the_compiler_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        go = script(tmp_path / "go" / "go", '[ "$1" = version ] && echo go1.99.0 && exit; echo cannot find module >&2; exit 1')
        monkeypatch.setenv("PATH", str(go.parent))
        with pytest.raises(BinariesUnavailableError, match="cannot find module"):
            binaries.ensure(["etcd"])
        assert list(in_cache("etcd").parent.iterdir()) == []

    def test_an_unknown_binary_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(BinariesUnavailableError, match="unknown binary kubelett; known: kube-apiserver"):
            binaries.ensure(["kubelett"])


class TestBuilding:
    # A "compiler" that writes the file named after -o.
    COMPILER = '[ "$1" = version ] && echo go1.99.0 && exit; while [ "$1" != -o ]; do shift; done; echo built > "$2"'

    def test_a_built_binary_is_installed_in_the_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(script(tmp_path / "go" / "go", self.COMPILER).parent))
        assert binaries.ensure(["etcd"]) == {"etcd": in_cache("etcd")}
        assert in_cache("etcd").read_text() == "built\n"
        assert [path.name for path in in_cache("etcd").parent.iterdir()] == ["etcd"]

    def test_two_at_once_build_only_one_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        builds = []

        def slow(name: str, _version: str, _source: Path, target: Path) -> None:
            builds.append(name)
            time.sleep(0.3)
            target.write_text("built")

        monkeypatch.setattr(build, "compile_binary", slow)
        threads = [threading.Thread(target=binaries.ensure, args=(["etcd"],)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert builds == ["etcd"]

    def test_kubernetes_is_built_with_its_version(self) -> None:
        flags = build._linker_flags(build.RECIPES["kube-apiserver"], "1.36.3")
        assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
        assert "-X k8s.io/component-base/version.gitMinor=36" in flags

    def test_runc_needs_a_c_compiler_and_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(script(tmp_path / "go" / "go", self.COMPILER).parent))
        with pytest.raises(BinariesUnavailableError, match="there is no gcc on PATH"):
            binaries.ensure(["runc"])


class TestDownloading:
    def test_what_has_no_release_that_fits_is_built_without_asking_anybody(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        monkeypatch.setattr(download, "_read", lambda url, timeout: asked.append(url) or b"")
        monkeypatch.setenv("PATH", str(script(tmp_path / "go" / "go", TestBuilding.COMPILER).parent))
        assert binaries.ensure(["coredns"]) == {"coredns": in_cache("coredns")}
        assert asked == []

    def test_an_official_release_is_used_when_its_checksum_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        content = b"the scheduler"
        monkeypatch.setattr(download, "_read", lambda url, timeout: hashlib.sha256(content).hexdigest().encode() if url.endswith("256") else content)
        assert binaries.ensure(["kube-scheduler"])["kube-scheduler"].read_bytes() == content

    def test_a_release_with_another_checksum_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(download, "_read", lambda url, timeout: b"0" * 64 if url.endswith("256") else b"evil")
        with pytest.raises(BinariesUnavailableError, match="has SHA-256"):
            binaries.ensure(["kube-scheduler"])
        assert not in_cache("kube-scheduler").exists()

    def test_a_binary_is_taken_out_of_its_archive(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        version = binaries.family_of("etcd").version
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo(f"etcd-v{version}-linux-amd64/etcd")
            entry.size = 4
            tar.addfile(entry, io.BytesIO(b"etcd"))
        checksum = hashlib.sha256(archive.getvalue()).hexdigest()
        table = f"{'0' * 64}  other.tar.gz\n{checksum}  etcd-v{version}-linux-amd64.tar.gz\n"
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        monkeypatch.setattr(download, "_read", lambda url, timeout: table.encode() if url.endswith("SUMS") else archive.getvalue())
        assert binaries.ensure(["etcd"])["etcd"].read_bytes() == b"etcd"

    def test_one_refusal_is_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = []

        def refuse(url: str, timeout: float) -> bytes:
            calls.append(url)
            raise OSError("Network is unreachable")

        monkeypatch.setattr(download, "_read", refuse)
        for name in ("etcd", "kwok"):
            with pytest.raises(BinariesUnavailableError):
                binaries.ensure([name])
        assert len(calls) == 1

    def test_a_silent_network_does_not_hold_up_the_build(self, monkeypatch: pytest.MonkeyPatch) -> None:
        silence = threading.Event()
        monkeypatch.setattr(download, "CONNECT_SECONDS", 0.1)
        monkeypatch.setattr(download, "_read", lambda url, timeout: silence.wait() and b"")
        with pytest.raises(BinariesUnavailableError, match="no answer within"):
            binaries.ensure(["etcd"])
        silence.set()

    def test_a_release_description_is_understood(self) -> None:
        text = '{"assets": [{"name": "kwok-linux-amd64", "digest": "sha256:abc"}, {"name": "other"}]}'
        assert download.checksum_in(text, "kwok-linux-amd64") == "abc"
        assert download.checksum_in(text, "other") == ""

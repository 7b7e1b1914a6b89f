"""Parts of the real nodes that need neither root nor a kernel of one's own: images, reasons, leftovers, packages."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tools.nodes import check, images, runs
from tools.nodes.layers import Layer, Start, write_image
from tools.nodes.libraries import libraries_of
from tools.nodes.network import Addresses
from tools.nodes.runtime import network
from tools.planes import debian
from tools.planes.errors import BinariesUnavailableError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def blobs(image: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(image) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            found[entry.name] = content.read() if content else b""
    return found


class TestImages:
    def written(self, tmp_path: Path) -> Path:
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        layers = [Layer(files={"usr/bin/program": program}), Layer(texts={"etc/motd": "hello"}, links={"bin/p": "/usr/bin/program"})]
        target = tmp_path / "image.tar"
        write_image(target, "localhost/x:kled", layers, Start(entrypoint=["/bin/p"], user="1:1", environment={"A": "b"}))
        return target

    def test_every_digest_is_that_of_its_content_and_leads_from_the_index_to_the_layers(self, tmp_path: Path) -> None:
        found = blobs(self.written(tmp_path))
        for name, content in found.items():
            if name.startswith("blobs/"):
                assert hashlib.sha256(content).hexdigest() == name.rpartition("/")[2]
        index = json.loads(found["index.json"])["manifests"][0]
        assert index["annotations"]["io.containerd.image.name"] == "localhost/x:kled"
        manifest = json.loads(found[blob(index)])
        config = json.loads(found[blob(manifest["config"])])
        assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
        assert [len(found[blob(layer)]) for layer in manifest["layers"]] == [layer["size"] for layer in manifest["layers"]]
        assert (config["config"]["Entrypoint"], config["config"]["User"]) == (["/bin/p"], "1:1")
        assert "A=b" in config["config"]["Env"]

    def test_a_layer_holds_its_files_with_their_rights_and_the_folders_above_them(self, tmp_path: Path) -> None:
        found = blobs(self.written(tmp_path))
        manifest = json.loads(found[blob(json.loads(found["index.json"])["manifests"][0])])
        entries = {}
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(found[blob(layer)])) as tar:
                entries |= {entry.name: entry for entry in tar}
        assert (entries["usr"].isdir(), entries["usr/bin/program"].mode, entries["etc/motd"].mode) == (True, 0o755, 0o644)
        assert entries["bin/p"].linkname == "/usr/bin/program"
        assert entries["tmp"].mode == 0o1777

    def test_an_image_is_made_once_and_anew_when_what_goes_in_has_changed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = tmp_path / "program"
        program.write_text("one")
        monkeypatch.setitem(images.RECIPES, "x", lambda: ([Layer(files={"p": program})], Start()))
        (first,) = images.ensure(["x"])
        made = first.stat().st_mtime_ns
        assert images.ensure(["x"]) == [first]
        assert first.stat().st_mtime_ns == made
        program.write_text("other")
        (second,) = images.ensure(["x"])
        assert second != first
        assert not first.exists()

    def test_a_program_comes_with_the_libraries_it_is_linked_against(self) -> None:
        found = libraries_of([Path(sys.executable).resolve()])
        assert any(Path(name).name.startswith("libc.so") for name in found)
        assert all(source.exists() for source in found.values())


def blob(described: dict[str, str]) -> str:
    return "blobs/" + described["digest"].replace(":", "/")


class TestReasons:
    def test_somebody_who_is_not_root_is_told_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check.os, "geteuid", lambda: 1000)
        (reason,) = check.obstacles()
        assert "need root" in reason
        assert "sudo" in reason

    def test_a_missing_program_is_named_with_its_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check.shutil, "which", lambda name, path="": None)
        reasons = list(check._programs())
        assert "there is no unshare on PATH (Debian: apt-get install util-linux)" in reasons
        assert any(reason.startswith("nftables: not installed, and there is no apt-get here") for reason in reasons)

    def test_a_cache_folder_that_the_nodes_would_hide_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check.os, "geteuid", lambda: 0)
        monkeypatch.setattr(check, "folder_of_runs", lambda: Path("/var/cache/kled/nodes"))
        monkeypatch.setattr(check.Path, "mkdir", lambda *_args, **_more: None)
        monkeypatch.setattr(check.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 1 << 40}))
        (reason,) = check._machine()
        assert "set XDG_CACHE_HOME" in reason

    def test_a_package_that_cannot_be_fetched_is_an_error_with_the_words_of_apt(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, text in (("apt-get", "echo 'E: Unable to locate package x' >&2; exit 100"), ("dpkg-deb", "true")):
            script = tmp_path / "bin" / name
            script.parent.mkdir(exist_ok=True)
            script.write_text(f"#!/bin/sh\n{text}\n")
            script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
        with pytest.raises(BinariesUnavailableError, match="Unable to locate package x"):
            debian.unpacked("x")
        assert [path.name for path in debian.cache_folder().iterdir()] == [".lists"]


class TestLeftovers:
    def test_a_run_that_somebody_holds_is_left_alone_and_a_dead_one_is_cleared(self, tmp_path: Path) -> None:
        dead = runs.folder_of_runs() / "kled-dead0000"
        (dead / "node-1" / "var").mkdir(parents=True)
        run = runs.Run()
        assert not dead.exists()
        other = subprocess.run(
            [sys.executable, "-c", "from tools.nodes import runs; print(runs.clear_dead())"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        assert other.stdout.strip() == "[]"
        assert run.folder.exists()
        run.end()
        assert not run.folder.exists()

    def test_the_logs_of_a_run_that_failed_are_kept_until_the_next(self) -> None:
        run = runs.Run()
        run.end(keep=True)
        assert run.folder.exists()
        runs.Run().end()
        assert not run.folder.exists()


def test_no_two_nodes_share_an_address() -> None:
    nodes = [Addresses(index) for index in range(1, 9)]
    assert len({node.node for node in nodes}) == len({node.pods for node in nodes}) == 8
    assert str(network(nodes[0])).count(nodes[0].pods) == 1

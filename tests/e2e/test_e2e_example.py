"""The example package as an outsider meets it: installed into an environment of its own, tested, configured, granted, planned and synced."""

from __future__ import annotations

import json
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stage import TENANT_RANGE, World, eventually

ROOT = Path(__file__).parents[2]
WITHOUT = sys.executable
EXAMPLE = ROOT / "examples" / "kled-podtemplates"
TENANT = "outsider"
SYNC = f"""
sync:
  namespaceMapping:
    "*": "TENANT-{{namespace}}"
  resources:
    - name: podtemplates
      patches:
        - {{path: "metadata.labels.fetch", set: early}}
tenant:
  serviceCIDR: {TENANT_RANGE}
"""


@pytest.fixture(scope="module", autouse=True)
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An environment with the example in it. What the example depends on was installed by `make setup` and is borrowed, so that no network is
    needed; Kled itself is the source tree, as after `pip install kled`."""
    folder = tmp_path_factory.mktemp("outsider")
    venv.create(folder / "venv", with_pip=False)
    python = str(folder / "venv" / "bin" / "python")
    where = subprocess.run([python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True)
    Path(where.stdout.strip(), "borrowed.pth").write_text("\n".join([str(ROOT), *site.getsitepackages()]))
    source = folder / "source"
    shutil.copytree(EXAMPLE, source)
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", str(source)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", python)
        yield python


def ran(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


def test_its_own_tests_pass(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = ran("pytest", "-q", "-W", "ignore", "tests", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_sync_file_may_name_its_kind_and_is_judged_by_it(stopped_world: World, tmp_path: Path) -> None:
    assert ran("syncer", "config", "validate", "--sync-file", str(stopped_world.sync_file)).returncode == 0
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("sync:\n  resources:\n    - name: podtemplates\n      mode: fromHost\n    - name: podtemplate\n")
    done = ran("syncer", "config", "validate", "--sync-file", str(wrong))
    assert done.returncode == 64
    assert "wrong.yaml:4:13" in done.stderr
    assert "Did you mean `podtemplates`?" in done.stderr


def test_its_rights_are_computed(stopped_world: World) -> None:
    done = ran("syncer", "rbac", "--side", "host", *stopped_world.sources)
    assert "- podtemplates" in done.stdout, done.stderr


def test_an_object_of_its_kind_is_planned_and_synced(stopped_world: World) -> None:
    world = stopped_world
    world.start()
    world.syncer.ready()
    room = world.place()
    body = {"template": {"spec": {"containers": [{"name": "main", "image": "batch:1"}], "restartPolicy": "Never"}}}
    # Until its rights are there, nobody can look into a namespace, `plan` neither.
    eventually("the syncer has its rights in the host namespace", lambda: world.host.get("rolebindings", room.on_host, f"kled-{TENANT}-syncer"))
    world.syncer.stop()
    room.create("podtemplates", {"metadata": {"name": "nightly", "labels": {"a": "b"}}, **body})
    planned = json.loads(world.command("plan", "-o", "json").stdout)["actions"]
    assert [(one["verb"], one["kind"], one["name"]) for one in planned] == [("create", "PodTemplate", "nightly")]
    world.start().ready()
    there = eventually("it is on the host", lambda: room.host("podtemplates", "nightly"))
    assert there["template"]["spec"]["containers"][0]["image"] == "batch:1"
    assert there["metadata"]["labels"].items() >= {"a": "b", "fetch": "early"}.items()
    world.await_rest()
    room.patch("podtemplates", "nightly", body["template"] and {"metadata": {"labels": {"a": "c"}}})
    eventually("a change crosses", lambda: room.host("podtemplates", "nightly")["metadata"]["labels"]["a"] == "c")
    room.delete("podtemplates", "nightly")
    eventually("it is gone", lambda: not room.host("podtemplates", "nightly"))


def test_without_the_package_its_kind_is_unknown(stopped_world: World) -> None:
    command = [WITHOUT, "-m", "syncer", "config", "validate", "--sync-file", str(stopped_world.sync_file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 64
    assert "`podtemplates` is not a kind that can be synced" in done.stderr

"""A program under guard cannot outlive the process that wanted it, however that process ends."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.planes.errors import PlaneError
from tools.planes.process import Component

ROOT = Path(__file__).parents[2]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def sleeper(tmp_path: Path) -> Component:
    return Component("sleeper", ["/bin/sleep", "600"], tmp_path)


def test_a_stopped_component_is_gone(sleeper: Component) -> None:
    sleeper.start()
    pid = sleeper.pid
    assert is_alive(pid)
    sleeper.stop()
    assert not sleeper.running
    assert not is_alive(pid)


def test_a_killed_component_is_gone_and_can_be_started_again(sleeper: Component) -> None:
    sleeper.start()
    first = sleeper.pid
    sleeper.kill()
    assert not is_alive(first)
    sleeper.start()
    assert sleeper.pid != first
    sleeper.stop()


def test_a_frozen_component_can_be_stopped(sleeper: Component) -> None:
    sleeper.start()
    sleeper.pause()
    sleeper.stop(limit=10)
    assert not sleeper.running


def test_a_component_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    stubborn = Component("stubborn", ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], tmp_path)
    stubborn.start()
    assert eventually(lambda: "ready" in stubborn.tail())
    pid = stubborn.pid
    stubborn.stop(limit=0.5)
    assert not is_alive(pid)


def test_the_failure_of_a_component_names_its_code_and_its_last_words(tmp_path: Path) -> None:
    failing = Component("failing", ["/bin/sh", "-c", "echo no such flag >&2; exit 3"], tmp_path)
    failing.start()
    assert eventually(lambda: not failing.running)
    assert "exited with code 3" in failing.failure()
    assert "no such flag" in failing.failure()


def test_a_program_that_does_not_exist_is_a_failure_with_its_name(tmp_path: Path) -> None:
    missing = Component("missing", ["/does/not/exist"], tmp_path)
    missing.start()
    assert eventually(lambda: not missing.running)
    assert "/does/not/exist" in missing.failure()
    with pytest.raises(PlaneError, match="missing is not running"):
        _ = missing.pid


def test_a_component_survives_the_thread_that_started_it(sleeper: Component) -> None:
    thread = threading.Thread(target=sleeper.start)
    thread.start()
    thread.join()
    time.sleep(1.5)
    assert sleeper.running
    sleeper.stop()


def test_a_component_dies_with_its_guard(sleeper: Component, tmp_path: Path) -> None:
    sleeper.start()
    pid = sleeper.pid
    guard = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(guard, signal.SIGKILL)
    assert eventually(lambda: not is_alive(pid))


def test_a_component_dies_with_a_runner_that_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from tools.planes.process import Component
        sleeper = Component("sleeper", ["/bin/sleep", "600"], Path({str(tmp_path)!r}))
        sleeper.start()
        print(sleeper.pid, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        pid = int(runner.stdout.readline())
        assert is_alive(pid)
        runner.kill()
    assert eventually(lambda: not is_alive(pid))

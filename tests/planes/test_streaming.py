"""Logs, commands and forwarded ports of fake pods, for those who ask for them."""

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.planes.pods import Namespace
from tools.planes import ControlPlane, PlaneError, binaries

pytestmark = pytest.mark.planes


@pytest.fixture(scope="module")
def talkative() -> Iterator[ControlPlane]:
    with ControlPlane("talkative", nodes=1, streaming=True, audit=False) as plane:
        plane.kubectl("run", "web", "--image=registry.example/app:1")
        plane.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
        yield plane


def test_a_container_has_a_log(talkative: ControlPlane) -> None:
    assert talkative.kubectl("logs", "web").splitlines() == ["first line", "second line", "third line"]
    assert talkative.kubectl("logs", "web", "--tail=1") == "third line\n"


def test_a_command_runs_with_standard_input(talkative: ControlPlane) -> None:
    assert talkative.kubectl("exec", "-i", "web", "--", "head", "-n1", input="hello\n") == "hello\n"


def test_a_failing_command_fails(talkative: ControlPlane) -> None:
    with pytest.raises(PlaneError, match="exit status 3"):
        talkative.kubectl("exec", "web", "--", "sh", "-c", "exit 3")


def test_a_forwarded_port_echoes(talkative: ControlPlane) -> None:
    command = [str(binaries.ensure(["kubectl"])["kubectl"]), f"--kubeconfig={talkative.kubeconfig}", "port-forward", "pod/web", ":80"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward, contextlib.ExitStack() as stack:
        stack.callback(forward.terminate)
        assert forward.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+) ->", forward.stdout.readline())
        assert found
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", int(found[1])), timeout=20))
        connection.sendall(b"ping")
        assert connection.recv(4) == b"ping"


def test_nobody_answers_unless_asked_for(namespace: Namespace) -> None:
    namespace.create_pod("quiet")
    namespace.pod_when("quiet", lambda pod: pod["status"]["phase"] == "Running")
    with pytest.raises(PlaneError, match="disabled"):
        namespace.kubectl("exec", "quiet", "--", "true")

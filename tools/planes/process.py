"""One guarded component of a control plane: a program, its log, its beginning and its end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tools.planes.errors import PlaneError

GUARD = Path(__file__).with_name("guard.py")
STOP_SECONDS = 30.0
PORT_TAKEN = "address already in use"


class Component:
    """A program kept by a guard process in a process group of its own, so that Ctrl-C at the terminal reaches only the runner."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.command = command
        self.log = folder / f"{name}.log"
        self._pid_file = folder / f"{name}.pid"
        self._guard: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Start the program; its output is appended to the log, so that a restart does not wipe out why it was needed."""
        if self.running:
            raise PlaneError(f"{self.name} is running already")
        self._pid_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(self._pid_file), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether the program is there (it may be paused)."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def pid(self) -> int:
        """The program's own process id (not the guard's), for measuring memory and processor time."""
        deadline = time.monotonic() + STOP_SECONDS
        while self.running and time.monotonic() < deadline:
            if self._pid_file.exists() and (text := self._pid_file.read_text()):
                return int(text)
            time.sleep(0.01)
        raise PlaneError(f"{self.name} is not running")

    def failure(self) -> str:
        """Why the program is not there although it was started, or an empty string."""
        if self._guard is None or self.running:
            return ""
        return f"{self.name} exited with code {self._guard.returncode}\n{self.tail()}"

    @property
    def port_was_taken(self) -> bool:
        """Whether the program ended because somebody else had its port."""
        return not self.running and PORT_TAKEN in self.tail(200)

    def tail(self, lines: int = 25) -> str:
        """Return the last lines of what the program wrote since it was last started."""
        if not self.log.exists():
            return f"--- {self.log}: no output"
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode(errors="replace")
        return "\n".join([f"--- end of {self.log}", *text.splitlines()[-lines:]])

    def stop(self, limit: float = STOP_SECONDS) -> None:
        """Ask the program to end and wait until it has left its ports; kill it when it does not."""
        if self._guard is None or not self.running:
            return
        self.resume()
        self._guard.send_signal(signal.SIGTERM)
        try:
            self._guard.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program at once, as a crash would; on return it has left its ports."""
        if self._guard is None or not self.running:
            return
        os.kill(self.pid, signal.SIGKILL)
        try:
            self._guard.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()

    def pause(self) -> None:
        """Freeze the program: it keeps its connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen program go on."""
        os.kill(self.pid, signal.SIGCONT)

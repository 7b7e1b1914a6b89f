"""Run one program so that it cannot outlive the process that wanted it.

    python -I -S guard.py PARENT_PID PID_FILE PROGRAM [ARGUMENT ...]

A control plane left behind by a killed test run holds memory, ports and a database that somebody will mistake for the current one.
PR_SET_PDEATHSIG alone does not prevent that: it is tied to the *thread* that forked, so a runner starting planes from a worker thread would
lose them as soon as that thread ends. Hence this small process in between. It has a single thread, so its child may safely be tied to it,
and it notices the end of the runner, however that came about, by having become somebody else's child.

Standard library only and no imports from this package: it is started often and has to start fast.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
HANDLED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
PARENT_CHECK_SECONDS = 0.5
_libc = ctypes.CDLL(None)


def spawn(arguments: list[str]) -> int:
    """Start the program, tied to this process: if the guard itself is killed, the kernel kills the program."""
    guard = os.getpid()
    child = os.fork()
    if child:
        return child
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:  # the guard died before the line above could take effect
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    try:
        os.execvp(arguments[0], arguments)
    except OSError as error:
        sys.stderr.write(f"cannot start {arguments[0]}: {error}\n")
        os._exit(127)


def watch(child: int, parent: int) -> int:
    """Pass signals on to the child and return its exit code, or kill it when the parent is gone."""
    while True:
        caught = signal.sigtimedwait(HANDLED, PARENT_CHECK_SECONDS)
        if caught is not None and caught.si_signo != signal.SIGCHLD:
            os.kill(child, caught.si_signo)
        if os.getppid() != parent:
            os.kill(child, signal.SIGKILL)
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            return os.waitstatus_to_exitcode(status)


def main(arguments: list[str]) -> int:
    """Start the program named on the command line and stay with it to its end."""
    parent, pid_file, *program = arguments
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    child = spawn(program)
    Path(pid_file).write_text(str(child))
    code = watch(child, int(parent))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The folder of one run of real nodes, and what is left of runs that were killed.

Processes end with their runner, by their guards, and namespaces with their processes. What a killed runner leaves are folders and control
groups; the next run takes them away. A run is alive as long as its lock is held, which the kernel sees to.
"""

import fcntl
import os
import shutil
import uuid
from pathlib import Path
from typing import IO

from tools.nodes import cgroups
from tools.planes import binaries
from tools.planes.progress import say


def folder_of_runs() -> Path:
    """In the user's cache folder: images are unpacked here, which is too much for a temporary folder held in memory."""
    return binaries.cache_folder().parent / "nodes"


class Run:
    """One run, from its beginning to its end."""

    def __init__(self) -> None:
        clear_dead()
        self.name = f"kled-{uuid.uuid4().hex[:8]}"
        self.folder = folder_of_runs() / self.name
        self.folder.mkdir(parents=True)
        self._lock = _lock(self.folder)

    def end(self, *, keep: bool = False) -> None:
        """Remove the control groups, and the folder unless its logs are wanted."""
        cgroups.remove(self.name)
        if keep:
            say(f"nodes: logs are kept in {self.folder} until the next run")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock:
            self._lock.close()


def clear_dead() -> list[str]:
    """Take away what is left of runs nobody holds any more, and return their names."""
    cleared = []
    for folder in sorted(folder_of_runs().glob("kled-*")):
        if lock := _lock(folder):
            with lock:
                cgroups.remove(folder.name)
                shutil.rmtree(folder, ignore_errors=True)
                cleared.append(folder.name)
    return cleared


def _lock(folder: Path) -> IO[str] | None:
    """The lock of a run, or None while somebody else holds it. Not inherited by the processes started here."""
    lock = (folder / "lock").open("w")
    os.set_inheritable(lock.fileno(), False)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock

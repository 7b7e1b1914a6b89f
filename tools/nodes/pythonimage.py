"""What goes into the syncer's image: this environment's Python, the locked dependencies, and the project as it stands in this checkout."""

import importlib.metadata
import re
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.nodes.layers import Layer, Start
from tools.nodes.libraries import libraries_of
from tools.planes.errors import PlaneError

ROOT = Path(__file__).parents[2]
PACKAGES = ("syncer", "translators", "config")
# Parts of the standard library that a server never needs.
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "pydoc_data", "unittest"}
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
STANDARD = f"usr/local/lib/{VERSION}"
SITE = f"{STANDARD}/site-packages"
COMMAND = "#!/usr/local/bin/python3\nimport sys\n\nfrom syncer.cli import main\n\nsys.exit(main())\n"
# As in the Dockerfile at the root, which says why.
START = Start(
    entrypoint=["kled-syncer"],
    command=["run"],
    user="65532:65532",
    environment={
        "PYTHONPATH": "/opt/kled",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
        "MALLOC_ARENA_MAX": "2",
    },
)


@cache
def interpreter() -> Layer:
    """Python and the dependencies named in requirements.lock, from wherever this environment has them."""
    executable = Path(sys.executable).resolve()
    files = {f"usr/local/bin/{VERSION}": executable}
    for source in _standard_library():
        files[f"{STANDARD}/{source.relative_to(sysconfig.get_path('stdlib'))}"] = source
    for name, source in _dependencies():
        files[f"{SITE}/{name}"] = source
    native = [source for source in files.values() if ".so" in source.suffixes]
    files |= libraries_of([executable, *native])
    return Layer(files=files, links={"usr/local/bin/python3": VERSION, "usr/local/bin/python": VERSION})


def project() -> Layer:
    """The three packages of the project, and its command."""
    files = {
        f"opt/kled/{path.relative_to(ROOT)}": path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return Layer(files=files, texts={"usr/local/bin/kled-syncer": COMMAND})


def _standard_library() -> Iterator[Path]:
    top = Path(sysconfig.get_path("stdlib"))
    for path in top.rglob("*"):
        inside = path.relative_to(top).parts
        if (
            path.is_file()
            and not LEFT_OUT.intersection(inside)
            and not inside[0].startswith("config-")
            and not path.name.endswith((".a", ".opt-1.pyc", ".opt-2.pyc"))
        ):
            yield path


def _dependencies() -> Iterator[tuple[str, Path]]:
    for name in _locked():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform or Python, as the lock says by its markers
        for file in distribution.files or ():
            source = Path(str(distribution.locate_file(file)))
            if ".." not in file.parts and source.is_file():
                yield str(file), source


def _locked() -> list[str]:
    names = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    if not names:
        raise PlaneError("requirements.lock names no package")
    return names

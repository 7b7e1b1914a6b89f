"""Translators from other packages: the entry points of the group `kled.translators`.

An entry point names a Translator, or a tuple of them. Code of a package runs only when a sync file names a kind that is not built in; what a package
brings is switched on kind by kind like everything else. A package that cannot be loaded matters only to those who name a kind of it, and they are
told which package, which entry point and why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from syncer.core.errors import StartupError
from syncer.core.translator import Translator

GROUP = "kled.translators"


@dataclass(frozen=True, slots=True)
class Plugins:
    """What the installed packages bring. `origins` tells where each translator comes from, `broken` what could not be loaded, in words."""

    translators: tuple[Translator, ...] = ()
    origins: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


@cache
def installed() -> Plugins:
    """All entry points of this environment, loaded once."""
    return load(entry_points(group=GROUP))


def load(points: Iterable[EntryPoint]) -> Plugins:
    """Raises StartupError when two translators have one name: which of them is meant, nobody could say."""
    translators: list[Translator] = []
    origins: list[str] = []
    broken: list[str] = []
    for point in sorted(points, key=lambda point: (point.name, point.value)):
        origin = _origin(point)
        try:
            found = _translators(point.load())
        except Exception as error:  # whatever a stranger's module does when it is imported
            broken.append(f"{origin} cannot be loaded: {type(error).__name__}: {str(error)[:300]}")
            continue
        for translator in found:
            if translator.name in (each.name for each in translators):
                other = origins[[each.name for each in translators].index(translator.name)]
                raise StartupError(f"two packages bring a translator called {translator.name!r}: {other} and {origin}; uninstall one of them")
            translators.append(translator)
            origins.append(origin)
    return Plugins(tuple(translators), tuple(origins), tuple(broken))


def _origin(point: EntryPoint) -> str:
    package = point.dist.name if point.dist is not None else "an unknown package"
    return f"package {package}, entry point {point.name} = {point.value}"


def _translators(found: object) -> tuple[Translator, ...]:
    if isinstance(found, Translator):
        return (found,)
    if isinstance(found, tuple) and found and all(isinstance(each, Translator) for each in found):
        return found
    raise TypeError(f"it is {type(found).__name__}, and must be a syncer.core.translator.Translator or a tuple of them")

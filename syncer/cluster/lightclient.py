"""kubernetes_asyncio without its models: `config` and `Configuration` only.

Its top package imports everything it has, a thousand model modules among it: 35 MB of memory and a quarter of a second for two modules of a few
hundred lines. So both packages are given an empty shell while those two are imported, and the shells are taken away afterwards: whoever imports
kubernetes_asyncio later gets the whole of it, unharmed. If the library is ever laid out differently, it is imported as usual.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

_TOP = "kubernetes_asyncio"


class Library(NamedTuple):
    """What we use of kubernetes_asyncio: its `config` package and its `Configuration` class."""

    config: Any
    configuration: Any


@cache
def library() -> Library:
    """The library, as light as it can be had."""
    if _TOP in sys.modules:
        return _whole()
    try:
        return _light()
    except (ImportError, AttributeError, TypeError):
        return _whole()


def _whole() -> Library:
    return Library(importlib.import_module(f"{_TOP}.config"), importlib.import_module(f"{_TOP}.client").Configuration)


def _light() -> Library:
    spec = importlib.util.find_spec(_TOP)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(_TOP)
    folders = list(spec.submodule_search_locations)
    try:
        _shell(_TOP, folders)
        client = _shell(f"{_TOP}.client", [f"{folder}/client" for folder in folders])
        configuration = importlib.import_module(f"{_TOP}.client.configuration").Configuration
        vars(client).update(Configuration=configuration, ApiClient=object)
        return Library(importlib.import_module(f"{_TOP}.config"), configuration)
    finally:
        for name in [name for name in sys.modules if name == _TOP or name.startswith(f"{_TOP}.")]:
            del sys.modules[name]


def _shell(name: str, folders: list[str]) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = folders
    sys.modules[name] = module
    return module

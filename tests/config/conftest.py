"""Loading a sync file from text, with an environment that says nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import config
from config import ConfigError, Loaded

Load = Callable[..., Loaded]
Refusal = Callable[..., ConfigError]


@pytest.fixture(autouse=True)
def _silent_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("KLED_"):
            monkeypatch.delenv(name)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a text as `sync.yaml` for the tenant `acme`, outside of any pod."""

    def load(text: str | bytes, **flags: Any) -> Loaded:
        file = tmp_path / "sync.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        flags = {"tenant": "acme", "pod_namespace": tmp_path / "no-pod", **flags}
        return config.load(sync_file=file, **flags)

    return load


@pytest.fixture
def refusal(load: Load) -> Refusal:
    """The error that a text is refused with."""

    def refusal(text: str | bytes, **flags: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            load(text, **flags)
        return caught.value

    return refusal

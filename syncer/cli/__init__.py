"""The command line `kled-syncer`: one module per verb. Each reads its sources, calls a public function and prints."""

from __future__ import annotations

from syncer.cli.main import main

__all__ = ["main"]

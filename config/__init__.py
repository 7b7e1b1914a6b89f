"""The text people write (sync file, flags, environment) turned into the frozen values of `syncer.core.settings`.

    loaded = config.load(sync_file="sync.yaml", tenant="team-a")
    loaded.settings      # syncer.core.settings.Settings, for engine and translators
    loaded.process       # kubeconfigs, metrics address, log format: for whoever puts the process together
    config.show(loaded.file)

The way of a file: `yaml_source` reads it strictly into a `document` that knows its lines; `models` take it apart field by field with the
`readers`; `rules` and `mapping` judge what needs more than one field; `settings` lays flags and environment over it; `lower` makes the values.
Whatever is wrong ends in one `ConfigError`, whose text names file, line, field, reason and next step.

Imported only where a process is put together: it brings pydantic and PyYAML. It imports nothing of the syncer but `syncer.core`.
"""

from config.errors import ConfigError, Problem
from config.settings import Loaded, Process, load, validate
from config.show import show

__all__ = ["ConfigError", "Loaded", "Problem", "Process", "load", "show", "validate"]

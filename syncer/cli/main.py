"""Which commands there are, and how a failure becomes one clear message and an exit code.

Exit codes: 0 ok, 1 failure, 2 (`plan`) something would be written, 64 usage or bad configuration.
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import NoReturn

import cyclopts

from config import ConfigError
from syncer.cli import check, explain, plan, rbac, release, run
from syncer.core.errors import StartupError, SyncerError

OK, FAILURE, WOULD_WRITE, USAGE = 0, 1, 2, 64

app = cyclopts.App(
    name="kled-syncer",
    help="Makes one tenant's Kubernetes objects real on a host cluster. Start with `kled-syncer plan --help` or `kled-syncer run --help`.",
    version=lambda: metadata.version("kled"),
    version_flags=["--version"],
)
app.command(run.run)
app.command(plan.plan)
app.command(explain.explain)
app.command(rbac.rbac)
app.command(release.release)
app.command(check.app, name="config")


def main() -> NoReturn:
    """Entry point. Every expected failure is one message on stderr; a traceback is a bug."""
    try:
        code = app(exit_on_error=False, print_error=True, result_action="return_value")
    except cyclopts.CycloptsError:
        sys.exit(USAGE)
    except ConfigError as error:
        print(f"kled-syncer: {error}", file=sys.stderr)
        sys.exit(USAGE)
    except BaseExceptionGroup as group:
        _exit_with_group(group)
    except (StartupError, SyncerError) as error:
        print(f"kled-syncer: {error}", file=sys.stderr)
        sys.exit(FAILURE)
    except KeyboardInterrupt:
        sys.exit(FAILURE)
    sys.exit(code if isinstance(code, int) else OK)


def _exit_with_group(group: BaseExceptionGroup[BaseException]) -> NoReturn:
    """What comes out of a task group: the expected ones as messages, anything else with its traceback."""
    expected, rest = group.split((StartupError, SyncerError))
    if rest is not None:
        raise rest
    assert expected is not None
    for error in dict.fromkeys(str(leaf) for leaf in _leaves(expected)):
        print(f"kled-syncer: {error}", file=sys.stderr)
    sys.exit(FAILURE)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found

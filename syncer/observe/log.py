"""How log lines are made. Called once by the command line; everybody else writes `log = structlog.get_logger()` and calls it.

A line is one event in snake_case and the past tense, with what varies in keys: tenant, translator, key, side, reason, took. Three things hold for
every line, whoever writes it: control characters are escaped (a tenant names its objects, and names end up on terminals), what looks like a secret
is blanked, and an exception is shown as its type, a short message and the lines of code it came through, never with values of variables.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import msgspec
import structlog

from syncer.observe.redact import clean, masked, redacted

Format = Literal["json", "console"]
EventDict = MutableMapping[str, Any]

_FOREIGN = ("kubernetes_asyncio", "aiohttp", "asyncio", "uvloop")
_LEVELS = {"warn": "warning", "exception": "error", "fatal": "critical", "msg": "info"}
_FRAMES = 30
_MESSAGE = 500
_COLOURS = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}


def set_up(*, level: str = "info", format: Format = "json", tenant: str = "", stream: TextIO | None = None) -> None:
    """Configures structlog and the standard `logging` for this process. `stream` is stderr unless given."""
    sink = Sink(stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            Bound(tenant),
            exceptions,
            tidy,
            Console(colour=sink.is_terminal()) if format == "console" else json_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=lambda *args: sink,
        cache_logger_on_first_use=True,
    )
    _route_standard_logging()


def _number(level: str) -> int:
    numbers = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR, "critical": logging.CRITICAL}
    return numbers[level.lower()]


class Sink:
    """Where lines go. A log that cannot be written (full disk, closed pipe) must not stop the syncer: such lines are counted and lost.

    Without a stream of its own it asks for `sys.stderr` each time, since that may be exchanged under a cached logger.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self.lost = 0

    def msg(self, line: str) -> None:
        stream = self._stream if self._stream is not None else sys.stderr
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError, AttributeError):
            self.lost += 1

    debug = info = warning = warn = error = critical = exception = fatal = log = msg

    def is_terminal(self) -> bool:
        stream = self._stream if self._stream is not None else sys.stderr
        return stream is not None and stream.isatty()


class Bound:
    """Puts first what every line has: time, level, event, and the tenant, so that lines of many syncers can be told apart."""

    def __init__(self, tenant: str) -> None:
        self._fixed = {"tenant": tenant} if tenant else {}

    def __call__(self, logger: object, method: str, event: EventDict) -> EventDict:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        name = event.pop("event", "")
        return {"ts": stamp, "level": _LEVELS.get(method, method), "event": name, **self._fixed, **event}


def exceptions(logger: object, method: str, event: EventDict) -> EventDict:
    """`exc_info` as error type, message and a list of places in the code."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.setdefault("error", described(error))
        event["stack"] = places(error)
    return event


def described(error: BaseException) -> str:
    """The type and the message, short; of a group the first few."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(described(inner) for inner in error.exceptions[:3])[:_MESSAGE]
    text = masked(str(error), quotes=True)[:_MESSAGE]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def places(error: BaseException) -> list[str]:
    """Where it came from: `file:line function`, innermost last, causes before. No source text and no values."""
    found: list[str] = []
    seen: set[int] = set()
    _collect(error, found, seen)
    return found[-_FRAMES:]


def _collect(error: BaseException, found: list[str], seen: set[int]) -> None:
    if id(error) in seen:
        return
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        _collect(cause, found, seen)
        found.append(f"-- {type(cause).__name__} led to {type(error).__name__}")
    for inner in error.exceptions[:3] if isinstance(error, BaseExceptionGroup) else ():
        _collect(inner, found, seen)
        found.append(f"-- in {type(error).__name__}")
    found.extend(f"{frame.f_code.co_filename}:{line} {frame.f_code.co_qualname}" for frame, line in traceback.walk_tb(error.__traceback__))


def tidy(logger: object, method: str, event: EventDict) -> EventDict:
    """Secrets out, control characters escaped. Runs last before rendering, on everything."""
    return {clean(str(key)): redacted(str(key), value) for key, value in event.items()}


def json_line(logger: object, method: str, event: EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=lambda value: clean(str(value))).decode()


class Console:
    """One line for people: time, level, event, then `key=value`; a stack goes below, indented."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, logger: object, method: str, event: EventDict) -> str:
        left = dict(event)
        stamp, level, name = str(left.pop("ts", ""))[11:23], str(left.pop("level", method)), str(left.pop("event", ""))
        stack = left.pop("stack", ())
        shown = f"{_COLOURS.get(level, '')}{level:<8}\x1b[0m" if self._colour else f"{level:<8}"
        line = f"{stamp} {shown} {name:<28} " + " ".join(f"{key}={_plain(value)}" for key, value in left.items())
        return "\n".join([line.rstrip(), *(f"    {place}" for place in stack)])


def _plain(value: object) -> str:
    if isinstance(value, Mapping | list):
        return msgspec.json.encode(value, enc_hook=lambda inner: clean(str(inner))).decode()
    text = str(value)
    return f'"{text}"' if " " in text or not text else text


class Bridge(logging.Handler):
    """Lines of libraries, in our form. Never below WARNING: what the client library says at DEBUG holds whole answers, Secrets included."""

    def emit(self, record: logging.LogRecord) -> None:
        write = structlog.get_logger().error if record.levelno >= logging.ERROR else structlog.get_logger().warning
        try:
            message = record.getMessage()
        except Exception:  # a library's mistake in a format string is not ours to die of
            message = str(record.msg)
        write("library_warned", logger=record.name, message=masked(message, quotes=True)[:_MESSAGE], exc_info=record.exc_info)


def _route_standard_logging() -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, Bridge):
            root.removeHandler(handler)
    root.addHandler(Bridge(level=logging.WARNING))
    root.setLevel(logging.WARNING)
    for name in _FOREIGN:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)

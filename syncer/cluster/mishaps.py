"""What can go wrong with a watch, and what follows from it: one row each."""

from __future__ import annotations

from typing import Literal, NamedTuple

from syncer.core.errors import ApiError, Forbidden, Gone, NotFound, SyncerError, Throttled, Unauthorized, Unreachable

State = Literal["starting", "live", "broken", "unavailable"]


class WentBack(Exception):
    """The server's versions went back: it is not the server, or not the state, that it was."""


class RoomAgain(Exception):
    """Objects were refused for want of room, and there is room now."""


class NoStreamedLists(Exception):
    """The server cannot begin a watch with the present state."""


class Silence(Exception):
    """Nothing came for a long time. It may be that nothing happened; it may be that the connection is dead."""


class Mishap(NamedTuple):
    """`reason` is for metrics. `state` is what the reflector is in from now on (None: as before). `relist`: what is known cannot be resumed
    from."""

    reason: str
    state: State | None = "broken"
    relist: bool = False


_TABLE: tuple[tuple[type[Exception], Mishap], ...] = (
    (Forbidden, Mishap("forbidden", "unavailable")),
    (NotFound, Mishap("missing", "unavailable")),
    (Unauthorized, Mishap("unauthorized", "unavailable")),
    (Throttled, Mishap("throttled")),
    (Unreachable, Mishap("unreachable")),
    (Gone, Mishap("gone", None, relist=True)),
    (WentBack, Mishap("went_back", None, relist=True)),
    (RoomAgain, Mishap("room_again", None, relist=True)),
    (Silence, Mishap("silent", None)),
    (NoStreamedLists, Mishap("no_streamed_lists", None, relist=True)),
    # A version that the server chokes on would be offered again and again.
    (ApiError, Mishap("refused", relist=True)),
    (SyncerError, Mishap("refused", relist=True)),
    (Exception, Mishap("error", relist=True)),
)


def mishap(error: Exception) -> Mishap:
    """The first row that fits."""
    return next(row for kind, row in _TABLE if isinstance(error, kind))

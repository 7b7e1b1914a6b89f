"""Errors of the whole syncer, as one tree.

SyncerError
├── ApiError                an API server answered with a status that is not success
│   ├── NotFound            404
│   ├── Conflict            409 on patch and delete: uid or resourceVersion moved on (a patch that names another uid is answered 422)
│   ├── AlreadyExists       409 on create
│   ├── Gone                410: the resourceVersion is too old, list again
│   ├── Throttled           429 and 503, `retry_after` in seconds
│   ├── Forbidden           403: a missing permission, a quota, admission, or a namespace that ends
│   ├── Unauthorized        401
│   └── Invalid             422 and 400: the object will never be accepted as it is
├── Unreachable             no answer: refused, reset, timed out, TLS
├── StartupError            the process cannot start; the message says why and what to do
└── LeadershipLost          our time to write is over
"""

from __future__ import annotations


class SyncerError(Exception):
    """Root of the tree."""


class ApiError(SyncerError):
    """A non-success answer. `reason` and `message` are the API's own words (capped); they may hold names of that side."""

    def __init__(
        self, code: int, reason: str, message: str, *, retry_after: float | None = None, what: str = "", causes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{what}: {code} {reason}: {message}" if what else f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.what = what
        self.causes = causes


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    pass


class AlreadyExists(ApiError):
    pass


class Gone(ApiError):
    pass


class Throttled(ApiError):
    pass


class Forbidden(ApiError):
    pass


class Unauthorized(ApiError):
    pass


class Invalid(ApiError):
    pass


class Unreachable(SyncerError):
    """The request got no answer, so whether it took effect is unknown."""


class StartupError(SyncerError):
    """The process cannot start. The message names the file or server, the reason and the next step."""


class LeadershipLost(SyncerError):
    """The Lease was lost or could not be renewed in time; nothing may be written any more."""


_BY_CODE: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    422: Invalid,
    429: Throttled,
    503: Throttled,
}


_OTHER_UID = "FieldValueInvalid: metadata.uid:"


def api_error(code: int, reason: str, message: str, *, retry_after: float | None = None, what: str = "", causes: tuple[str, ...] = ()) -> ApiError:
    """The error class that fits an answer.

    A uid in a patch is a precondition to us; to the server it is an immutable field that somebody tries to change.
    """
    kind = AlreadyExists if reason == "AlreadyExists" else _BY_CODE.get(code, ApiError)
    if kind is Invalid and any(cause.startswith(_OTHER_UID) for cause in causes):
        kind = Conflict
    return kind(code, reason, message[:2048], retry_after=retry_after, what=what, causes=causes)

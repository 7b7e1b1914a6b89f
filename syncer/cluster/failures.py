"""From what went wrong on the wire to the errors of `syncer.core.errors`, and to words that help at start."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime

import aiohttp
import msgspec

from syncer.cluster.connect import Connection
from syncer.cluster.wire import Status, decode_status
from syncer.core.errors import ApiError, Forbidden, Gone, StartupError, SyncerError, Unauthorized, Unreachable, api_error

_LONGEST_WAIT = 60.0
_TOO_LARGE_VERSION = "ResourceVersionTooLarge"


def unreachable(error: BaseException, what: str) -> Unreachable:
    """A request that got no answer."""
    return Unreachable(f"{what}: {_words(error)}")


def _words(error: BaseException) -> str:
    certificate = error.__cause__ if isinstance(error.__cause__, ssl.SSLCertVerificationError) else getattr(error, "certificate_error", error)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return f"the server's certificate is not accepted: {certificate.verify_message}"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"TLS failed: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host!r} is not known ({error.os_error.strerror})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port} ({error.os_error.strerror or error.os_error})"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "cannot connect (no answer in time)"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {str(error)[:300]}"


def answer(code: int, headers: Mapping[str, str], body: bytes, what: str) -> ApiError:
    """An answer whose status is not success. A body that is no Status (a proxy's page, plain text) is quoted, briefly."""
    after = _seconds(headers.get("Retry-After"))
    if 300 <= code < 400:
        return api_error(code, "Redirected", "the server redirects, which is never followed", what=what)
    try:
        status = decode_status(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return api_error(code, "Unknown", body[:300].decode("utf-8", "replace").strip(), retry_after=after, what=what)
    return of_status(status, what, code=code, retry_after=after)


def of_status(status: Status, what: str, *, code: int = 0, retry_after: float | None = None) -> ApiError:
    """The API's own error object, from an answer or from a watch."""
    causes: tuple[str, ...] = ()
    if status.details is not None:
        if retry_after is None and status.details.retry_after_seconds > 0:
            retry_after = min(float(status.details.retry_after_seconds), _LONGEST_WAIT)
        causes = tuple(_cause(cause.reason, cause.field, cause.message) for cause in (status.details.causes or ())[:20])
    # A version the server has not reached (yet, or any more, after a restore) cannot be resumed from either.
    code = 410 if any(cause.startswith(_TOO_LARGE_VERSION) for cause in causes) else code or status.code or 500
    return api_error(code, status.reason[:100], status.message, retry_after=retry_after, what=what, causes=causes)


def _cause(reason: str, field: str, message: str) -> str:
    return ": ".join(part[:300] for part in (reason, field, message) if part)


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds, bounded; dates are not used by API servers."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return None
    return min(float(text), _LONGEST_WAIT)


def at_start(error: SyncerError, connection: Connection, needed: str = "") -> StartupError:
    """The same failure, told to the person who starts the process. `needed` names what was tried (`get namespaces`)."""
    if isinstance(error, StartupError):
        return error
    side, where = connection.side.value, f"{connection.side.value} {connection.server} ({connection.origin})"
    if isinstance(error, Unauthorized):
        return StartupError(f"{where}: the server does not accept these credentials. {_about_credentials(connection)}")
    if isinstance(error, Forbidden):
        who = f"user {connection.user!r}" if connection.user else "this user"
        what = f"{who} may not {needed}" if needed else f"{who} lacks a permission: {error.message}"
        return StartupError(f"{where}: {what}. Grant what is needed with: kled-syncer rbac --side {side} ... -o yaml | kubectl apply -f -")
    if isinstance(error, Unreachable):
        return StartupError(f"{where}: {_about_reaching(str(error))}")
    if isinstance(error, Gone):
        return StartupError(f"{where}: {error}")
    return StartupError(f"{where}: {error}. Check that this is the address of a Kubernetes API server.")


def _about_credentials(connection: Connection) -> str:
    if connection.expires is not None and connection.expires < datetime.now(UTC):
        return f"The client certificate expired at {connection.expires:%Y-%m-%d %H:%M} UTC. Issue a new one and put it into the kubeconfig."
    return "They are wrong, expired, or belong to another cluster. Check that `kubectl` works with them, or issue new ones."


def _about_reaching(text: str) -> str:
    if "certificate has expired" in text:
        return f"{text}. Renew the API server's serving certificate."
    if "local issuer" in text or "self-signed" in text or "self signed" in text or "unable to get issuer" in text:
        return f"{text}. The certificate-authority of the kubeconfig is not the one that signed it: put the cluster's CA there."
    if "mismatch" in text or "doesn't match" in text:
        return f"{text}. Use a name that the certificate holds, or set tls-server-name in the kubeconfig."
    return f"{text}. Check the address, that the server runs, and that the way to it is open."

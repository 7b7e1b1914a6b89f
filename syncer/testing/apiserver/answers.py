"""The errors an API server answers with, in its own words where somebody might look at them."""

from __future__ import annotations

from syncer.core.errors import ApiError, api_error
from syncer.core.objects import Resource


def _kind(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def not_found(resource: Resource, name: str) -> ApiError:
    return api_error(404, "NotFound", f'{_kind(resource)} "{name}" not found')


def unknown_kind(resource: Resource) -> ApiError:
    return api_error(404, "NotFound", f"the server could not find the requested resource: {_kind(resource)}")


def exists(resource: Resource, name: str) -> ApiError:
    return api_error(409, "AlreadyExists", f'{_kind(resource)} "{name}" already exists')


def conflict(resource: Resource, name: str, why: str) -> ApiError:
    return api_error(409, "Conflict", f'Operation cannot be fulfilled on {_kind(resource)} "{name}": {why}')


def modified(resource: Resource, name: str) -> ApiError:
    return conflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again")


def other_uid(resource: Resource, name: str, wanted: str, found: str) -> ApiError:
    record = f"({wanted}) does not match the UID in record ({found}). The object might have been deleted and then recreated"
    return conflict(resource, name, f"the UID in the precondition {record}")


def invalid(resource: Resource, name: str, field: str, why: str) -> ApiError:
    """`why` begins as the server's own words do: `Invalid value: …`, `Forbidden: …`, `Required value`, `Not found: …`."""
    reason = next((reason for start, reason in _REASONS if why.startswith(start)), "FieldValueInvalid")
    return api_error(422, "Invalid", f'{resource.kind} "{name}" is invalid: {field}: {why}', causes=(f"{reason}: {field}: {why}",))


_REASONS = (("Forbidden", "FieldValueForbidden"), ("Required", "FieldValueRequired"), ("Not found", "FieldValueNotFound"))


def bad_request(message: str) -> ApiError:
    return api_error(400, "BadRequest", message)


def forbidden(resource: Resource, name: str, why: str, *causes: str) -> ApiError:
    return api_error(403, "Forbidden", f'{_kind(resource)} "{name}" is forbidden: {why}', causes=causes)


def internal(message: str) -> ApiError:
    return api_error(500, "", message)


def expired(message: str) -> ApiError:
    return api_error(410, "Expired", message)


def too_many(message: str, *causes: str, retry_after: float | None = None) -> ApiError:
    return api_error(429, "TooManyRequests", message, retry_after=retry_after, causes=causes)

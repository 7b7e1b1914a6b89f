"""Writes as values. A plan is a list of them: it can be printed, filtered, counted and, at the end, executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncer.core.objects import Ref, Resource, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """POST, never an upsert: an object that exists already is looked at before anything else happens."""

    side: Side
    resource: Resource
    ref: Ref
    body: Mapping[str, Any]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A JSON merge patch (RFC 7396) of owned paths. `uid` is always a precondition, `resource_version` when a whole list is replaced.
    `seen_version` is the resourceVersion it was computed from: an answer with the same one means that nothing had to change."""

    side: Side
    resource: Resource
    ref: Ref
    patch: Mapping[str, Any]
    uid: str
    subresource: str = ""
    resource_version: str | None = None
    seen_version: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """With the uid as precondition. `inferred` marks one that rests on absence from a list: the guard counts and confirms those."""

    side: Side
    resource: Resource
    ref: Ref
    uid: str
    grace: int | None = None
    inferred: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreate:
    """Delete and create anew, at once, with the same name: for fields that cannot change otherwise.

    On the tenant's side the object is nobody's to lose: `keeper` is the host copy (resource, ref, uid) that holds `body` in an annotation
    until the new object is there, so that a crash in between can be resumed.
    """

    side: Side
    resource: Resource
    ref: Ref
    uid: str
    body: Mapping[str, Any]
    keeper: tuple[Resource, Ref, str] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Nothing is written on the far side; the object says why (an event) and is tried again slowly or when it changes.

    `conflict` marks a foreign object that holds the host name (`SyncConflict`); else it is policy or untranslatable (`SyncRefused`).
    """

    ref: Ref
    message: str
    field: str = ""
    conflict: bool = False
    retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A Kubernetes Event on a tenant object."""

    ref: Ref
    reason: str
    message: str
    type: str = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A need is missing. The key is woken by it; when that takes long, an event says what is waited for."""

    ref: Ref
    reason: str
    on: tuple[Any, ...] = field(default_factory=tuple)


Action = Create | Patch | Delete | Recreate | Refuse | Event | Waiting
Write = Create | Patch | Delete | Recreate

# Reasons of the events on tenant objects; the contract of scripts that wait for them.
REFUSED = "SyncRefused"
FIELD_DROPPED = "SyncFieldDropped"
CONFLICT = "SyncConflict"
WAITING = "SyncWaiting"
HELD = "SyncHeld"
UNMAPPED = "SyncUnmapped"
MISSING_DNS = "MissingClusterDNS"

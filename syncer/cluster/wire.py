"""How objects are held between the wire and a translator: metadata decoded, the rest as the bytes that came.

An `Entry` costs a few microseconds to make and few bytes more than its JSON to keep (`managedFields` are dropped by not being named). It is
replaced, never edited. `obj()` decodes it into a dictionary of its own for one use. Everything read here is input from a possibly hostile
server: types are checked by msgspec, names and versions by `check`; what fails is set aside by the caller, item by item.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from syncer.cluster.pack import packed, unpacked
from syncer.core.objects import Resource

Raw = msgspec.Raw


class Meta(msgspec.Struct, gc=False, omit_defaults=True):
    """The part of ObjectMeta that decides. Times stay text: they are compared for equality and shown, never computed with."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""  # noqa: N815
    generateName: str = ""  # noqa: N815
    generation: int = 0
    creationTimestamp: str | None = None  # noqa: N815
    deletionTimestamp: str | None = None  # noqa: N815
    deletionGracePeriodSeconds: int | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    ownerReferences: list[dict[str, Any]] | None = None  # noqa: N815


class Entry(msgspec.Struct, gc=False):
    """One object. `rest` holds the top-level fields other than metadata, spec and status (`data`, `type`, `subsets`, …). `spec` and `status`
    may be packed: equal when what they stand for is, but read through `raw_spec` and `raw_status`."""

    meta: Meta
    spec: bytes | None = None
    status: bytes | None = None
    rest: dict[str, bytes] | None = None
    outlined: bool = False
    """Whether this is what is left of an object whose content nobody needs (see `outline`)."""

    def obj(self) -> dict[str, Any]:
        """The object as a fresh dictionary (metadata without managedFields; kind and apiVersion as they came, if they came)."""
        made: dict[str, Any] = {"metadata": msgspec.to_builtins(self.meta)}
        if self.spec is not None:
            made["spec"] = decode_any(unpacked(self.spec))
        if self.status is not None:
            made["status"] = decode_any(unpacked(self.status))
        if self.rest:
            for key, raw in self.rest.items():
                made[key] = decode_any(raw)
        return made

    @property
    def raw_spec(self) -> bytes:
        """The JSON of the spec; empty when there is none."""
        return unpacked(self.spec) if self.spec is not None else b""

    @property
    def raw_status(self) -> bytes:
        """The JSON of the status; empty when there is none."""
        return unpacked(self.status) if self.status is not None else b""

    def pack(self) -> Entry:
        """Packs spec and status, in place: for an entry that nobody else holds yet."""
        if self.spec is not None:
            self.spec = packed(self.spec)
        if self.status is not None:
            self.status = packed(self.status)
        return self

    def outline(self) -> Entry:
        """That it is there, and by which labels it may be chosen; no content, and no annotations, which may repeat it."""
        meta = self.meta
        kept = Meta(meta.name, meta.namespace, meta.uid, meta.resourceVersion, labels=meta.labels, deletionTimestamp=meta.deletionTimestamp)
        return Entry(kept, outlined=True)

    def same_content(self, other: Entry) -> bool:
        """Whether both hold the same bytes apart from resourceVersion. False does not mean different (servers order fields as they like)."""
        mine, theirs = self.meta, other.meta
        return (
            self.status == other.status
            and self.spec == other.spec
            and self.rest == other.rest
            and self.outlined == other.outlined
            and mine.uid == theirs.uid
            and mine.labels == theirs.labels
            and mine.annotations == theirs.annotations
            and mine.deletionTimestamp == theirs.deletionTimestamp
            and mine.deletionGracePeriodSeconds == theirs.deletionGracePeriodSeconds
            and mine.finalizers == theirs.finalizers
        )

    @property
    def size(self) -> int:
        """Bytes of JSON held, roughly, for the byte accounting of caches."""
        size = 400 + len(self.spec or b"") + len(self.status or b"")
        if self.rest is not None:
            for raw in self.rest.values():
                size += len(raw)
        if self.meta.annotations is not None:
            for text in self.meta.annotations.values():
                size += len(text)
        return size


class WatchEvent(msgspec.Struct, gc=False):
    """One line of a watch, its object in parts."""

    type: str
    object: dict[str, Raw]


class StatusCause(msgspec.Struct):
    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(msgspec.Struct, rename="camel"):
    retry_after_seconds: int = 0
    causes: list[StatusCause] | None = None


class Status(msgspec.Struct):
    """The API's error object (`kind: Status`)."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: StatusDetails | None = None


class ErrorEvent(msgspec.Struct):
    """A line of a watch by which the server ends it."""

    object: Status


class ListMeta(msgspec.Struct, rename={"resource_version": "resourceVersion", "continue_": "continue"}):
    resource_version: str = ""
    continue_: str = ""


class ObjectList(msgspec.Struct):
    """`items` must be there: an answer without them is no empty list."""

    metadata: ListMeta
    items: list[Raw] | None
    kind: str = ""


class _Who(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Head(msgspec.Struct):
    metadata: Raw


class _EventHead(msgspec.Struct):
    object: _Head


_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError)
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_HEAD = msgspec.json.Decoder(_Head)
_EVENT_HEAD = msgspec.json.Decoder(_EventHead)
_WHO = msgspec.json.Decoder(_Who)
_META = msgspec.json.Decoder(Meta)
_ANY = msgspec.json.Decoder()
decode_any = _ANY.decode
decode_event = msgspec.json.Decoder(WatchEvent).decode
decode_error = msgspec.json.Decoder(ErrorEvent).decode
decode_status = msgspec.json.Decoder(Status).decode
decode_list = msgspec.json.Decoder(ObjectList).decode
encode = msgspec.json.Encoder(order=None).encode
"""JSON bytes of plain dictionaries."""

_VERSION = re.compile(r"[0-9]{1,20}")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9-]{1,128}")
_IGNORED = frozenset({"metadata", "spec", "status", "kind", "apiVersion"})


class BadObject(ValueError):
    """An object that a well-behaved server would never send. `namespace` and `name` are set when they could be read."""

    def __init__(self, message: str, namespace: str = "", name: str = "") -> None:
        super().__init__(message)
        self.namespace = namespace
        self.name = name


class Expected(NamedTuple):
    """The `kind` and `apiVersion` of an object that is asked for, as JSON (items of a list need not say them), and whether it is namespaced."""

    kind: Raw
    api_version: Raw
    namespaced: bool

    @classmethod
    def of(cls, resource: Resource) -> Expected:
        return cls(Raw(encode(resource.kind)), Raw(encode(resource.api_version)), resource.namespaced)


def decode_entry(raw: bytes | memoryview | Raw, expected: Expected | None = None) -> Entry:
    """An object's bytes as an Entry. Raises BadObject for anything that is not such an object, with its name if that much can be read."""
    try:
        fields = _OBJECT.decode(raw)
    except _UNREADABLE as error:
        raise unreadable(error, raw) from error
    return entry_of(fields, expected)


def entry_of(fields: dict[str, Raw], expected: Expected | None = None) -> Entry:
    """An object's parts as an Entry; they are copied, so that the buffer they came in can go. Raises BadObject."""
    try:
        metadata = fields["metadata"]
        meta = _META.decode(metadata)
        spec, status = fields.get("spec"), fields.get("status")
        rest = {key: bytes(value) for key, value in fields.items() if key not in _IGNORED}
    except _UNREADABLE as error:
        raise BadObject(_words(error), *_whose(fields.get("metadata", b""))) from error
    if expected is not None:
        kind, api_version, namespaced = expected
        if fields.get("kind", kind) != kind or fields.get("apiVersion", api_version) != api_version or bool(meta.namespace) != namespaced:
            raise BadObject("is of another kind than asked for", meta.namespace, meta.name)
    return Entry(meta, None if spec is None else bytes(spec), None if status is None else bytes(status), rest or None)


def unreadable(error: Exception, raw: bytes | memoryview | Raw) -> BadObject:
    """What to say of an object that could not be decoded at all. It is named if a tolerant look finds its name."""
    try:
        return BadObject(_words(error), *_whose(_HEAD.decode(raw).metadata))
    except _UNREADABLE:
        return BadObject(_words(error))


def unreadable_event(error: Exception, line: bytes) -> BadObject:
    """The same for the object in a line of a watch."""
    try:
        return BadObject(_words(error), *_whose(_EVENT_HEAD.decode(line).object.metadata))
    except _UNREADABLE:
        return BadObject(_words(error))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _whose(metadata: bytes | Raw) -> tuple[str, str]:
    """Namespace and name from metadata that cannot be read as a whole; empty if not even they can."""
    try:
        who = _WHO.decode(metadata)
    except _UNREADABLE:
        return "", ""
    legal = _NAME.fullmatch(who.name) and (not who.namespace or _NAME.fullmatch(who.namespace))
    return (who.namespace, who.name) if legal else ("", "")


def from_obj(obj: Any) -> Entry:
    """An Entry from a plain dictionary (tests, replies that were decoded already)."""
    return decode_entry(encode(obj))


def check(entry: Entry, namespace: str = "") -> None:
    """Refuse what could confuse us later: names that are no names, versions that are no versions, objects of another namespace than asked for."""
    meta = entry.meta
    if not _NAME.fullmatch(meta.name) or (meta.namespace and not _NAME.fullmatch(meta.namespace)):
        raise BadObject("metadata.name or metadata.namespace is not a legal name")
    if not _UID.fullmatch(meta.uid):
        raise BadObject("metadata.uid is not a legal uid", meta.namespace, meta.name)
    if not _VERSION.fullmatch(meta.resourceVersion):
        raise BadObject("metadata.resourceVersion is not a number", meta.namespace, meta.name)
    if namespace and meta.namespace != namespace:
        raise BadObject(f"asked for namespace {namespace!r}, got an object of another one", meta.namespace, meta.name)

"""The text of an event in the tenant's words: no host namespace, no host name, no node address."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from syncer.core.names import DIGEST_LENGTH, JOINER
from syncer.core.objects import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, PODS, SECRETS, SERVICES, VOLUMESNAPSHOTS, Obj, Ref
from syncer.core.translator import View

HIDDEN = "(hidden)"
_NAMED = (CONFIGMAPS.plural, SECRETS.plural, PERSISTENTVOLUMECLAIMS.plural, PODS.plural, SERVICES.plural, VOLUMESNAPSHOTS.plural)
_DIGEST = re.compile(rf"[a-z0-9](?:[a-z0-9.-]*-)?[0-9a-f]{{{DIGEST_LENGTH}}}\b")
_TEXT_LIMIT = 8192


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: the host object, the tenant object behind it, their uids, and the addresses of the machine it is on."""

    host: Ref
    tenant: Ref
    uid: str
    host_uid: str = ""
    addresses: tuple[str, ...] = ()


def in_tenant_words(text: str, subject: Subject, node: Obj | None, view: View) -> str:
    """`text` with everything of the host replaced by what the tenant calls it, or hidden."""
    text = text[:_TEXT_LIMIT]
    for address in (*_addresses(node), *subject.addresses):
        text = _word(address).sub(HIDDEN, text)
    if subject.host_uid:
        text = _uid(subject.host_uid).sub(lambda match: subject.uid, text)
    text = _word(subject.host.name).sub(lambda match: subject.tenant.name, text)
    text = _joined(subject.tenant.namespace, view.names.tenant).sub(lambda match: match[1], text)
    if subject.host.plural == PERSISTENTVOLUMECLAIMS.plural:
        for mine, theirs in view.settings.policy.storage_classes.items():
            text = _word(theirs).sub(mine, text)
    text = _DIGEST.sub(lambda match: _behind(match[0], subject, view), text)
    return _word(subject.host.namespace).sub(lambda match: subject.tenant.namespace, text)


def _word(text: str) -> re.Pattern[str]:
    """`text` where it is not a part of a longer name."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])")


def _uid(uid: str) -> re.Pattern[str]:
    """`uid` where it is not a part of the name of a volume or of a snapshot's content, which is the same in the tenant."""
    return re.compile(rf"(?<!pvc-)(?<!snapcontent-){re.escape(uid)}")


def _joined(namespace: str, tenant: str) -> re.Pattern[str]:
    """Names in the suffixed form, as `syncer.core.names` makes them."""
    tail = re.escape(f"{JOINER}{namespace}{JOINER}{tenant}")
    return re.compile(rf"([a-z0-9][a-z0-9.-]*?){tail}(?![A-Za-z0-9])")


def _behind(name: str, subject: Subject, view: View) -> str:
    """The tenant's name for a shortened host name; hidden if it is none of ours (a token Secret, another tenant's object, an image digest
    cut in half: none of them helps the tenant)."""
    for plural in _NAMED:
        found = view.tenant_ref(plural, subject.host.namespace, name)
        if found is not None:
            return found.name
    return HIDDEN if "-" in name else name


def _addresses(node: Obj | None) -> Iterator[str]:
    """The node's addresses; its names stay, they are the names of the tenant's nodes."""
    for entry in ((node or {}).get("status") or {}).get("addresses") or ():
        if entry.get("type") in ("InternalIP", "ExternalIP") and entry.get("address"):
            yield entry["address"]


def peek(entry: Any, field: str) -> Any:
    """One top-level field of an undecoded entry; None if it is not there or no JSON."""
    raw = (entry.rest or {}).get(field)
    try:
        return json.loads(raw) if raw is not None else None
    except ValueError:
        return None

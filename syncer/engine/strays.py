"""Objects of the tenant that were shown by a line of the sync file which is not there any more.

The stamp of a shown object names no place on the host (the tenant may read it), so no translator knows the object once its line is gone. Looked for
once, when a process starts: the file is read only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncer.cluster.wire import Entry
from syncer.core import stamp as stamps
from syncer.core.actions import Delete
from syncer.core.objects import Key, Ref, Side
from syncer.core.translator import Translator
from syncer.engine.cache import Cache
from syncer.engine.routing import Routing


def strays(translators: Iterable[Translator], cache: Cache, routing: Routing) -> Iterator[tuple[Key, Delete]]:
    """What is to be deleted, of the kinds of which the file shows something (an empty list is something, too)."""
    kinds = {translator.source: translator.name for translator in translators if translator.places is not None}
    for resource, name in kinds.items():
        for entry in tuple(cache.table(Side.TENANT, resource.plural)):
            if _is_shown(entry) and routing.key_of_copy(Side.TENANT, resource.plural, entry) is None:
                meta = entry.meta
                ref = Ref(resource.plural, meta.namespace, meta.name)
                reason = "the sync file does not show it any more"
                yield Key(name, meta.namespace, meta.name), Delete(side=Side.TENANT, resource=resource, ref=ref, uid=meta.uid, reason=reason)


def _is_shown(entry: Entry) -> bool:
    meta = entry.meta
    return stamps.is_from_host(meta.labels) and stamps.SOURCE_UID in (meta.annotations or {})

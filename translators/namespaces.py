"""Namespaces: a tenant namespace that is mapped one to one gets a host namespace of its own.

Nothing of the tenant's metadata crosses: labels and annotations of a namespace steer Pod Security admission, quota, node selection and mesh
injection on the host (the attack of CVE-2025-55205). The host namespace carries our stamp and nothing else of ours; labels that the host's
administrator puts on it stay, because no path of it is owned. Its status stays on the host, as does the tenant's in the tenant.

It is deleted when the tenant namespace is really gone, not while that is ending: until then the objects in it need a place. A shared target
namespace and namespaces lent by the administrator are the engine's business; for them nothing is asked here.
"""

from __future__ import annotations

from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import NAMESPACES as NAMESPACE_KIND
from syncer.core.objects import Obj
from syncer.core.translator import Answer, Draft, Life, Skip, Translator, View


def target_name(names: Names, namespace: str, name: str) -> tuple[str, str] | None:
    """The mapping of the sync file; None when this namespace is not mapped."""
    mapped = names.namespace(name)
    return None if mapped is None else ("", mapped)


def down(obj: Obj, view: View) -> Answer:
    if view.names.is_shared(obj["metadata"]["name"]):
        return Skip("it has no host namespace of its own")
    if view.counterpart is not None and _is_lent(view.counterpart, view.names.tenant):
        return Skip("its host namespace was lent by the administrator")
    return Draft({})


def _is_lent(host: Obj, tenant: str) -> bool:
    """Labelled for this tenant by somebody who is not us: used, emptied at the end, and never changed or deleted."""
    meta = host["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    return labels.get(stamps.TENANT) == tenant and stamps.SOURCE_UID not in annotations


NAMESPACES = Translator(
    name="namespaces",
    source=NAMESPACE_KIND,
    life=Life.TENANT_LEADS,
    tenant_owns=(),
    host_owns=(),
    target_name=target_name,
    down=down,
)

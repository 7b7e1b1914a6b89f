"""Secrets: content down, nothing up.

Only types that are plain content keep their type. All others become Opaque: host controllers act on types (`kubernetes.io/service-account-token`
makes the host's controller write a host token into the object; `bootstrap.kubernetes.io/token` opens a cluster), and pods do not look at them.
The marks of a service-account token never cross. The type cannot change in place.
"""

from __future__ import annotations

from syncer.core.objects import SECRETS as SECRET_KIND
from syncer.core.objects import Obj
from syncer.core.translator import Answer, Draft, Translator, View
from translators.content import sealed, taken, unknown, without_our_marks
from translators.metadata import down_metadata

OPAQUE = "Opaque"
KEPT_TYPES = frozenset(
    {
        OPAQUE,
        "kubernetes.io/basic-auth",
        "kubernetes.io/dockercfg",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/ssh-auth",
        "kubernetes.io/tls",
    }
)
CONTENT = ("data", "immutable")
# Written by the token controller on its own Secrets: no news for the tenant, so they go without an event.
_TOKEN_MARKS = ("kubernetes.io/service-account.", "kubernetes.io/legacy-token-")


def down(obj: Obj, view: View) -> Answer:
    labels, annotations, dropped = down_metadata(_without_marks(without_our_marks(obj)), view)
    body = {"metadata": {"labels": labels, "annotations": annotations}, "type": host_type(obj.get("type")), **taken(obj, CONTENT)}
    return Draft(body, (*dropped, *unknown(obj, (*CONTENT, "type"))))


def host_type(tenant_type: str | None) -> str:
    return tenant_type if tenant_type in KEPT_TYPES else OPAQUE


def _without_marks(obj: Obj) -> Obj:
    meta, kept = obj["metadata"], {}
    for field in ("labels", "annotations"):
        kept[field] = {key: value for key, value in (meta.get(field) or {}).items() if not key.startswith(_TOKEN_MARKS)}
    return {"metadata": {**meta, **kept}}


SECRETS = Translator(
    name="secrets",
    source=SECRET_KIND,
    tenant_owns=(*((field,) for field in CONTENT), ("type",)),
    host_owns=(),
    recreate_on=(("type",),),
    only_if_needed=True,
    down=down,
    must_recreate=sealed(CONTENT),
)

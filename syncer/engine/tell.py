"""Host errors in words a tenant may read: no host namespace, no host name, no name of who we are there."""

from __future__ import annotations

import re

from syncer.core.errors import ApiError
from syncer.core.objects import Ref

_USER = re.compile(r'[Uu]ser "[^"]*"')
_WEBHOOK = re.compile(r'admission webhook "[^"]*"')
_URL = re.compile(r"https?://\S+")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b")
_LIMIT = 300


def host_words(error: ApiError, host: Ref, tenant: Ref, tenant_name: str) -> str:
    """The API's message with the object's host names replaced by the tenant's, and what else must not be known taken out."""
    text = error.message.replace(host.name, tenant.name) if host.name else error.message
    if host.namespace:
        text = text.replace(host.namespace, tenant.namespace or "the host namespace")
    text = _USER.sub("the syncer", text)
    text = _WEBHOOK.sub("an admission webhook", text)
    text = _URL.sub("(address)", text)
    text = _ADDRESS.sub("(address)", text)
    text = "".join(char if char.isprintable() else " " for char in text)
    return f"{error.reason or error.code}: {text}"[:_LIMIT]

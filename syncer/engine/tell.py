"""Host errors in words a tenant may read: no host namespace, no host name, no name of who we are there."""

from __future__ import annotations

import re

from syncer.core.errors import ApiError
from syncer.core.objects import Ref

_USER = re.compile(r'[Uu]ser "[^"]*"')
_WEBHOOK = re.compile(r'(?:admission )?webhook "[^"]*"')
_POLICY = re.compile(r"ValidatingAdmissionPolicy '[^']*' with binding '[^']*'")
_URL = re.compile(r"https?://\S+")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b")
_LIMIT = 300


def host_words(error: ApiError, host: Ref, tenant: Ref) -> str:
    """The API's answer in one short line that a tenant may read."""
    return f"{error.reason or error.code}: {readable(error, host, tenant)}"[:_LIMIT]


def readable(error: ApiError, host: Ref, tenant: Ref) -> str:
    """The API's message with the object's host names replaced by the tenant's, and what else must not be known taken out."""
    text = error.message.replace(host.name, tenant.name) if host.name else error.message
    if host.namespace:
        text = text.replace(host.namespace, tenant.namespace or "the host namespace")
    text = _USER.sub("the syncer", text)
    text = _WEBHOOK.sub("an admission webhook", text)
    text = _POLICY.sub("an admission policy", text)
    text = _URL.sub("(address)", text)
    text = _ADDRESS.sub("(address)", text)
    return "".join(char if char.isprintable() else " " for char in text)

"""From a kubeconfig, or the pod's service account, to a connection."""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from syncer.cluster.certificate import Facts, facts
from syncer.cluster.credentials import Credentials
from syncer.cluster.kubeconfig import Kubeconfig, check_strictly, read
from syncer.cluster.sources import LibraryKubeconfig, ServiceAccount, StrictKubeconfig
from syncer.core.errors import StartupError
from syncer.core.objects import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One API server and how to speak to it. `user` and `expires` are what the credentials say of themselves; the server has the last word."""

    side: Side
    origin: str
    """Where it was read, for messages: `kubeconfig /path`, or the service account."""
    server: str
    user: str = ""
    expires: datetime | None = None
    """End of the client certificate's life."""
    credentials: Credentials = field(repr=False, compare=False)


def connect(side: Side, kubeconfig: str | Path | None) -> Connection:
    """Reads and checks, without speaking to the server (`Transport.check` does). Raises StartupError."""
    if not kubeconfig:
        if side is Side.TENANT:
            raise StartupError("no kubeconfig of the tenant was given. Give --tenant-kubeconfig FILE.")
        return _in_pod(side)
    config = read(kubeconfig)
    strict = side is Side.TENANT
    if strict:
        check_strictly(config)
    source = StrictKubeconfig(kubeconfig) if strict else LibraryKubeconfig(kubeconfig)
    who = _who(config)
    return Connection(
        side=side,
        origin=source.origin,
        server=str(config.cluster["server"]).rstrip("/"),
        user=who.user,
        expires=who.expires,
        credentials=Credentials(source),
    )


def _in_pod(side: Side) -> Connection:
    source = ServiceAccount()
    user = _token_user(source.token.read_text().strip()) if source.token.is_file() else ""
    return Connection(
        side=side,
        origin=source.origin,
        server=f"https://{os.environ.get('KUBERNETES_SERVICE_HOST', 'kubernetes')}",
        user=user,
        credentials=Credentials(source),
    )


def _who(config: Kubeconfig) -> Facts:
    """The user that the credentials name, as far as they show it: a certificate's common name, a token's subject."""
    if config.user.get("client-certificate-data") or config.user.get("client-certificate"):
        pem, _ = config.content("user", "client-certificate")
        return facts(pem or b"")
    token = str(config.user.get("token") or "")
    if not token and config.user.get("tokenFile"):
        token = config.file("user", "tokenFile", str(config.user["tokenFile"]))[0].decode("utf-8", "replace")
    return Facts(_token_user(token.strip()))


def _token_user(token: str) -> str:
    """The subject of a JWT, not verified: it is only shown, and used to write down a binding for ourselves."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return str(claims.get("sub", ""))
    except (IndexError, ValueError, binascii.Error, AttributeError):
        return ""

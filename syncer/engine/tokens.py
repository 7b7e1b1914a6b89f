"""Service-account tokens of the tenant, asked for when a pod needs one and renewed at 80 % of their life.

The Secret on the host is the only memory: a token that is in it, is bound to the right pod, has the right audience and is young enough is kept.
So a restart asks for none. Nothing here is logged but the names of who asked.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from syncer.cluster.api import Api
from syncer.core.objects import SERVICEACCOUNTS, Obj
from syncer.core.translator import TokenNeed

RENEW_AT = 0.8


class Claims(NamedTuple):
    """What a token says of itself. Times in seconds since the epoch."""

    issued: float
    expires: float
    audiences: tuple[str, ...]
    pod_uid: str


def read_claims(token: str) -> Claims | None:
    """The claims of a JWT, unchecked: this only decides when to ask for a new one."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > 16384:
        return None
    try:
        payload = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        audiences = payload.get("aud") or ()
        pod = ((payload.get("kubernetes.io") or {}).get("pod") or {}).get("uid", "")
        return Claims(float(payload["iat"]), float(payload["exp"]), (audiences,) if isinstance(audiences, str) else tuple(audiences), str(pod))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, msgspec.MsgspecError):
        return None


def renewal_time(claims: Claims) -> float:
    return claims.issued + RENEW_AT * (claims.expires - claims.issued)


class Tokens:
    """`now` is the wall clock in seconds since the epoch (what the tokens speak of)."""

    def __init__(self, tenant: Api, now: Callable[[], float]) -> None:
        self._api = tenant
        self._now = now

    def kept(self, needs: Iterable[TokenNeed], secret: Obj | None) -> dict[TokenNeed, str]:
        """The tokens in the present host Secret that are good for a while longer."""
        data: Mapping[str, Any] = (secret or {}).get("data") or {}
        found: dict[TokenNeed, str] = {}
        for need in needs:
            try:
                token = base64.b64decode(data[need.entry], validate=True).decode("ascii")
            except (KeyError, ValueError, TypeError):
                continue
            claims = read_claims(token)
            if claims is None or claims.pod_uid != need.pod_uid or self._now() >= renewal_time(claims):
                continue
            if not need.audience or need.audience in claims.audiences:
                found[need] = token
        return found

    async def request(self, need: TokenNeed) -> str:
        """A new token from the tenant's API server. Raises what `Api.create` raises; NotFound when the account does not exist (yet)."""
        spec: dict[str, Any] = {
            "expirationSeconds": need.seconds,
            "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": need.pod, "uid": need.pod_uid},
        }
        if need.audience:
            spec["audiences"] = [need.audience]
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await self._api.create(SERVICEACCOUNTS, need.namespace, body, name=need.service_account, subresource="token")
        status = msgspec.json.decode(answer.status or b"{}")
        return str(status["token"])

    def next_renewal(self, tokens: Iterable[str]) -> float | None:
        """Seconds until the first of these has to be renewed."""
        times = [renewal_time(claims) for token in tokens if (claims := read_claims(token)) is not None]
        return max(1.0, min(times) - self._now()) if times else None

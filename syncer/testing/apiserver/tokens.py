"""The `token` subresource of service accounts: a JWT in form, with honest claims and a signature that is none."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from syncer.core.objects import PODS, Resource
from syncer.testing.apiserver import answers

Obj = Mapping[str, Any]

DEFAULT_AUDIENCE = "https://kubernetes.default.svc.cluster.local"
_REQUEST = Resource("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest")
_YEAR = 365 * 24 * 3600
_EXTENDED = 3607
"""Asked for exactly this (what automounted volumes do), the server gives a token of one year, so that old clients go on working."""


def issue(account: Obj, body: Obj, pod: Obj | None, now: float, serial: int) -> dict[str, Any]:
    """The answer to a TokenRequest. `pod` is the one that `boundObjectRef` names, if it is there."""
    spec = body.get("spec") or {}
    seconds = spec.get("expirationSeconds", 3600)
    if seconds < 600:
        raise answers.invalid(_REQUEST, "", "spec.expirationSeconds", f"Invalid value: {seconds}: may not specify a duration less than 10 minutes")
    if seconds > 1 << 32:
        raise answers.invalid(
            _REQUEST, "", "spec.expirationSeconds", f"Invalid value: {seconds}: may not specify a duration larger than 2^32 seconds"
        )
    bound = _bound(account, spec.get("boundObjectRef"), pod)
    audiences = spec.get("audiences") or [DEFAULT_AUDIENCE]
    expires = int(now) + seconds
    meta = account["metadata"]
    about = {"namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}, **bound}
    extended = seconds == _EXTENDED and bound and audiences == [DEFAULT_AUDIENCE]
    claims = {
        "aud": audiences,
        "exp": int(now) + _YEAR if extended else expires,
        "iat": int(now),
        "iss": DEFAULT_AUDIENCE,
        "jti": f"{serial:08d}",
        "kubernetes.io": {**about, **({"warnafter": expires} if extended else {})},
        "nbf": int(now),
        "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }
    until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"], "creationTimestamp": meta["creationTimestamp"]},
        "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
        "status": {"token": _jwt(claims), "expirationTimestamp": until},
    }


def _bound(account: Obj, reference: Obj | None, pod: Obj | None) -> dict[str, Any]:
    if not reference:
        return {}
    if reference.get("kind") != "Pod":
        raise answers.bad_request(f"cannot bind token to {reference.get('kind')}")
    if pod is None:
        raise answers.not_found(PODS, reference["name"])
    meta = pod["metadata"]
    if reference.get("uid") and reference["uid"] != meta["uid"]:
        why = f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record."
        raise answers.conflict(PODS, meta["name"], f"{why} The object might have been deleted and then recreated")
    if pod["spec"].get("serviceAccountName", "default") != account["metadata"]["name"]:
        name = account["metadata"]["name"]
        raise answers.bad_request(f'cannot bind token for serviceaccount "{name}" to pod running with different serviceaccount name.')
    return {"pod": {"name": meta["name"], "uid": meta["uid"]}}


def _jwt(claims: Obj) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256', 'kid': 'simulated'})}.{part(claims)}.{part('not signed')}"

"""Service-account tokens: a Secret for each pod that projects them.

A host token never reaches a tenant's pod. Each `serviceAccountToken` source of a projected volume becomes a Secret source with an entry of its
own; the entries hold tokens of the tenant's API server, bound to the tenant pod, with the audience and (within limits) the lifetime asked for.
The engine requests and renews them; here it is only said which.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from syncer.core.names import Names, digest
from syncer.core.objects import PODS, SECRETS, Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.stamp import SOURCE_UID
from syncer.core.translator import Answer, Draft, Life, Need, ObjectNeed, Rights, Skip, TokenNeed, Translator, View, Wait
from translators.pods.life import finished

PURPOSE = "tokens"
DEFAULT_SECONDS = 3600
SHORTEST, LONGEST = 600, 86400
# Exactly this number (what automounting asks for) makes the API server extend the token to a year, for clients that do not reload it.
_EXTENDED = 3607
_ENTRY = re.compile(r"[-._a-zA-Z0-9]{1,240}")


class Source(NamedTuple):
    """A serviceAccountToken source: its volume, its place among the volume's sources, and what it asks for."""

    volume: str
    number: int
    wanted: Mapping[str, Any]

    @property
    def entry(self) -> str:
        """The key in the Secret: one for each source, also when two have the same path."""
        plain = f"{self.volume}.{self.number}"
        return plain if _ENTRY.fullmatch(plain) else f"{digest(self.volume)}.{self.number}"

    @property
    def seconds(self) -> int:
        asked = self.wanted.get("expirationSeconds") or DEFAULT_SECONDS
        return DEFAULT_SECONDS if asked == _EXTENDED else min(max(int(asked), SHORTEST), LONGEST)


def token_sources(pod: Obj) -> Iterator[Source]:
    for volume in pod["spec"].get("volumes") or ():
        projected = volume.get("projected")
        if projected:
            for index, part in enumerate(projected.get("sources") or ()):
                wanted = part.get("serviceAccountToken")
                if wanted is not None:
                    yield Source(volume["name"], index, wanted)


def secret_name(names: Names, namespace: str, pod: str) -> str:
    return names.derived(SECRETS, namespace, pod, PURPOSE)


def secret_need(names: Names, namespace: str, host_namespace: str, pod: str) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(SECRETS.plural, host_namespace, secret_name(names, namespace, pod)))


def is_for(secret: Obj | None, pod_uid: str) -> bool:
    """Whether the Secret holds the tokens of this very pod, not of an earlier one of the same name."""
    if secret is None:
        return False
    return (secret["metadata"].get("annotations") or {}).get(SOURCE_UID) == pod_uid


def token_needs(pod: Obj) -> list[TokenNeed]:
    meta, account = pod["metadata"], pod["spec"].get("serviceAccountName") or "default"
    return [
        TokenNeed(meta["namespace"], account, source.wanted.get("audience") or "", source.seconds, meta["name"], meta["uid"], source.entry)
        for source in token_sources(pod)
    ]


def needs(pod: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    return () if not pod["spec"].get("nodeName") or finished(pod) else token_needs(pod)


def down(pod: Obj, view: View) -> Answer:
    """The Secret, once the pod is scheduled and until it has ended."""
    wanted = token_needs(pod)
    if not wanted:
        return Skip("the pod projects no tokens")
    if finished(pod):
        return Skip("the pod has ended")
    if not pod["spec"].get("nodeName"):
        return Wait("the tenant's scheduler has not chosen a node yet", quiet=True)
    data: dict[str, str] = {}
    for need in wanted:
        token = view.token(need)
        if token is None:
            return Wait(f"a token of service account {need.service_account!r} has been asked for", (need,))
        data[need.entry] = base64.b64encode(token.encode()).decode()
    return Draft({"type": "Opaque", "data": data})


def target_name(names: Names, namespace: str, name: str) -> tuple[str, str] | None:
    host_namespace = names.namespace(namespace)
    return None if host_namespace is None else (host_namespace, secret_name(names, namespace, name))


def concerns(pod: Any) -> bool:
    """Whether the undecoded pod can have a token volume."""
    return b'"serviceAccountToken"' in pod.raw_spec


POD_TOKENS = Translator(
    name="pod-tokens",
    kind="pods",
    source=PODS,
    target=SECRETS,
    life=Life.TENANT_LEADS,
    tenant_owns=(("data",),),
    host_owns=(),
    needs=needs,
    down=down,
    target_name=target_name,
    prefetch=True,
    concerns=concerns,
    rights=Rights(tenant=(("", "serviceaccounts/token", ("create",)),)),
)

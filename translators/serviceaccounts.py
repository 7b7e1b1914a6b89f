"""ServiceAccounts: who pods are outside the cluster.

A ServiceAccount of the tenant means something in the tenant: its rights are there, and its tokens come from there (`pod-tokens`). On the host all
pods run under one account of ours without rights. Only where a cloud gives identities to accounts by annotation (a role, a client id), and the host's
administrator allows this tenant some of them (`policy.serviceAccountAnnotations`: `key=value`, with `*` in the value), there is more:

* an account with an allowed annotation gets a shadow on the host: an account with that annotation and nothing else, without rights and without
  an automounted token. Its pods run under the shadow, and the cloud's webhook gives them what the annotation says;
* an annotation outside of the list never crosses. If it asks for an identity of a kind that the list speaks of, the account is told.

By default nothing is allowed and no shadow is made. An account that loses its annotation loses its shadow: pods that run go on, and get no further
credentials.

`imagePullSecrets` of an account reach its pods already in the tenant (its admission writes them into the pod), and go to the host with them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from syncer.core.objects import SERVICEACCOUNTS as ACCOUNT_KIND
from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, ObjectNeed, Refusal, Skip, Translator, View

_LONGEST = 2048
_DENIED = "policy.serviceAccountAnnotations does not allow this value"


def down(obj: Obj, view: View) -> Answer:
    """The shadow of an account that may have one."""
    allowed, denied = identities(obj, view.settings)
    dropped = tuple((f"metadata.annotations[{key}]", _DENIED) for key in denied)
    if allowed:
        return Draft({"metadata": {"annotations": allowed}, "automountServiceAccountToken": False}, dropped)
    if denied and view.counterpart is None:
        return Refusal(", ".join(field for field, _ in dropped), f"{', '.join(denied)}: {_DENIED}; ask the host's administrator")
    return Skip("it asks for no identity outside the cluster")


def identities(account: Obj, settings: Settings) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The annotations that may stand on the shadow, and the keys of those that ask for something of that kind and may not."""
    patterns = settings.policy.service_account_annotations or ()
    found: Mapping[str, str] = (account["metadata"].get("annotations") or {}) if patterns else {}
    allowed = {key: value for key, value in found.items() if any(key == name and meets(value, glob) for name, glob in patterns)}
    domains = {name.partition("/")[0] for name, _ in patterns}
    return allowed, tuple(sorted(key for key in found if key not in allowed and key.partition("/")[0] in domains))


def meets(value: str, glob: str) -> bool:
    """Whether the value is one that the glob means: only `*` is special, and stands for any printable text."""
    plain = glob.replace("[", "[[]").replace("?", "[?]")
    return len(value) <= _LONGEST and value.isprintable() and fnmatch.fnmatchcase(value, plain)


def asked_for(settings: Settings) -> bool:
    return settings.policy.service_account_annotations is not None


def may_have_shadow(settings: Settings) -> bool:
    """Whether any account can have one; if not, no pod needs to look at its account."""
    return bool(settings.policy.service_account_annotations) and ACCOUNT_KIND.plural in settings.kinds


def account_need(namespace: str, name: str) -> ObjectNeed:
    return ObjectNeed(Side.TENANT, Ref(ACCOUNT_KIND.plural, namespace, name))


SERVICEACCOUNTS = Translator(
    name=ACCOUNT_KIND.plural,
    source=ACCOUNT_KIND,
    tenant_owns=(("automountServiceAccountToken",),),
    host_owns=(),
    down=down,
    asked_for=asked_for,
)

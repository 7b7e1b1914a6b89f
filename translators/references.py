"""References from a kind of the tenant to its Services, Secrets and ConfigMaps, as the host must read them.

A reference crosses only to what carries our stamp for exactly that object:

* the tenant has no such object: the host gets the name that it would have in the suffixed form. Nobody else's object can be reached by it, and as
  in any cluster the rest of the Ingress or route works on;
* it has one and our copy is there: the copy's name;
* it has one and the copy is not there (yet, or because somebody else's object holds the name): wait, which is told after a few seconds.

A Service of type ExternalName is a name that the host's ingress controller, which may go everywhere, would resolve and follow: to other tenants, to
the node, to the cloud's metadata. Unless `policy.ingressToExternalNames` says otherwise it counts as one that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.actions import REFUSED
from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, SECRETS, SERVICES, Obj, Ref, Resource, Side
from syncer.core.translator import Answer, Draft, Need, ObjectNeed, Purpose, Refusal, View, Wait
from translators.content import UNKNOWN, unknown_in
from translators.metadata import Dropped

NAMED = {resource.plural: resource for resource in (SERVICES, SECRETS, CONFIGMAPS)}
_BY_USE = (SECRETS.plural, CONFIGMAPS.plural)


def needs_of(refs: Iterable[Ref], names: Names) -> Iterable[Need]:
    """What must be seen to translate these references. Secrets and ConfigMaps are in use, and cross, because of them."""
    for ref in dict.fromkeys(refs):
        yield tenant_need(ref)
        copy = copy_of(ref, NAMED[ref.plural], names)
        if copy is not None:
            yield ObjectNeed(Side.HOST, copy, wake=True)


def tenant_need(ref: Ref) -> ObjectNeed:
    return ObjectNeed(Side.TENANT, ref, Purpose.DEMAND if ref.plural in _BY_USE else Purpose.READ, wake=True)


def copy_of(ref: Ref, resource: Resource, names: Names) -> Ref | None:
    """Where our copy of a tenant object is; None when its namespace is not mapped."""
    namespace = names.namespace(ref.namespace)
    return None if namespace is None else Ref(ref.plural, namespace, names.name(resource, ref.namespace, ref.name))


def nobodys_name(ref: Ref, resource: Resource, names: Names) -> str:
    """A name that only our own copy of this very object could have."""
    return names.joined(resource, ref.namespace, ref.name)


def no_name(ref: Ref, resource: Resource, names: Names) -> str:
    """A name that nothing has, not even our copy: for a reference that is not permitted."""
    return names.derived(resource, ref.namespace, ref.name, "denied")


def _is_but_a_name(ref: Ref, obj: Obj) -> bool:
    return ref.plural == SERVICES.plural and (obj.get("spec") or {}).get("type") == "ExternalName"


class Links:
    """What comes up while one object is translated: what it waits for, what is refused, what does not cross and what there is to say."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._waits: list[Wait] = []
        self._refusals: list[Refusal] = []
        self._dropped: list[tuple[str, str]] = []
        self._notes: list[tuple[str, str]] = []

    def name(self, ref: Ref, field: str) -> str:
        """The name to write for this object, see above."""
        view, resource = self.view, NAMED[ref.plural]
        copy, there = copy_of(ref, resource, view.names), view.get(tenant_need(ref))
        if copy is None or there is None:
            return nobodys_name(ref, resource, view.names)
        if _is_but_a_name(ref, there) and not view.settings.policy.ingress_to_external_names:
            self.note(field, "a service of type ExternalName is not followed by the host")
            return no_name(ref, resource, view.names)
        if view.is_ours(copy, ref) is not True:
            self.wait(f"{resource.kind} {ref.namespace}/{ref.name} ({field}) is not on the host yet", ObjectNeed(Side.HOST, copy))
        return copy.name

    def wait(self, reason: str, *on: Need) -> None:
        self._waits.append(Wait(reason, on))

    def refuse(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            self._refusals.append(refusal)

    def drop(self, field: str, reason: str = UNKNOWN) -> None:
        self._dropped.append((field, reason))

    def note(self, field: str, reason: str) -> None:
        """Something that is left out of an object which otherwise crosses, and that its owner has to know."""
        self._notes.append((REFUSED, f"{field}: {reason}"))

    def known(self, found: Mapping[str, Any], fields: Iterable[str], at: str) -> dict[str, Any]:
        """These fields of a map, as far as they are there; others are of a newer API than ours and do not cross."""
        known = tuple(fields)
        self._dropped += unknown_in(found, known, at)
        return {key: found[key] for key in known if found.get(key) is not None}

    def answer(self, body: Mapping[str, Any], dropped: Dropped = ()) -> Answer:
        """The draft, unless something is refused or missing."""
        if self._refusals:
            return self._refusals[0]
        if self._waits:
            return Wait(self._waits[0].reason, tuple(need for wait in self._waits for need in wait.on))
        return Draft(body, (*dropped, *dict.fromkeys(self._dropped)), tuple(dict.fromkeys(self._notes)))

"""What needs more than one key of a custom kind to judge, or more than one kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from config import custom, grammar, patch
from config.custom import CustomResourceSection, ReferenceSection
from config.errors import Complaint, Path
from config.grammar import nearest
from syncer.core.fieldpaths import ITEMS, FieldPath, begins_with, path_text
from translators.catalog import BUILTIN
from translators.custom.record import custom_kind

AT: Path = ("sync", "customResources")
_NEVER_NAMED = frozenset({"nodes", "events"})
_ONLY_DOWN = ("selectors", "ownerReferences", "passNamespaces")


def complaints(resources: tuple[CustomResourceSection, ...], on: Collection[str], shares_namespaces: bool) -> Iterator[Complaint]:
    """`on` are the other kinds that are synced; `shares_namespaces`: the mapping puts many namespaces into one."""
    built_in = {(each.source.group, each.source.plural): each.kind_setting for each in BUILTIN}
    known = {*on, *(resource.name for resource in resources)}
    seen: set[str] = set()
    for index, resource in enumerate(resources):
        at: Path = (*AT, index)
        plural, _, group = resource.name.partition(".")
        if resource.name in seen:
            yield Complaint((*at, "name"), f"`{resource.name}` is listed twice", "Merge the two entries")
        if (group, plural) in built_in:
            yield Complaint((*at, "name"), f"`{resource.name}` is built in", f"List `{built_in[group, plural]}` under `sync.resources` instead")
        seen.add(resource.name)
        yield from _direction(resource, at, shares_namespaces)
        unsound = list(_owners(resource, at))
        yield from unsound
        if not unsound:
            for number, reference in enumerate(resource.references):
                yield from _reference(reference, resource, (*at, "references", number), known)
            yield from _selectors(resource, at, known)
            yield from _twice(resource, at)
            yield from patch.complaints(resource.patches, custom_kind(custom.lowered(resource), resource.mode, {}), at)


def _direction(resource: CustomResourceSection, at: Path, shares_namespaces: bool) -> Iterator[Complaint]:
    if resource.scope == "Cluster" and resource.namespace_mapping is not None:
        yield Complaint((*at, "namespaceMapping"), "objects of a cluster-scoped kind have no namespace", "Remove it", on_key=True)
    if resource.mode != "fromHost":
        if resource.names is not None:
            yield Complaint((*at, "names"), "only what the host shows is chosen by name", "Remove it, or write `mode: fromHost`", on_key=True)
        return
    if resource.names is None:
        yield Complaint((*at, "mode"), "what of the host is shown must be said", 'Write `names`, such as `names: ["shared-*"]`')
    if resource.scope == "Namespaced" and shares_namespaces:
        yield Complaint(
            (*at, "mode"),
            "many namespaces land in one on the host, so nobody could say in which an object of the host is to be shown",
            "Map namespaces one to one, or leave the kind out",
        )
    written = {"selectors": resource.selectors, "ownerReferences": resource.owner_references, "passNamespaces": resource.pass_namespaces}
    for key in _ONLY_DOWN:
        if written[key]:
            yield Complaint((*at, key), f"with `mode: fromHost` nothing goes down, so `{key}` means nothing", "Remove it", on_key=True)


def _owners(resource: CustomResourceSection, at: Path) -> Iterator[Complaint]:
    owned = [("tenantOwns", path) for path in resource.tenant_owns] + [("hostOwns", path) for path in resource.host_owns]
    for number, (key, text) in enumerate(owned):
        path = grammar.owned_path(text)
        if key == "tenantOwns" and path[0] == "status":
            yield Complaint((*at, key), f"`{text}` is the host's: the tenant's status decides nothing there", "Write the fields of the spec")
        for other_key, other_text in owned[:number]:
            other = grammar.owned_path(other_text)
            if begins_with(path, other) or begins_with(other, path):
                reason = f"`{text}` and `{other_text}`" + (f" (in `{other_key}`)" if key != other_key else "") + " are one inside the other"
                yield Complaint((*at, key), reason, "List the fields below one by one, each on one side")
    if not resource.tenant_owns and resource.mode != "fromHost":
        yield Complaint((*at, "tenantOwns"), "the list is empty, so nothing would go down", "Write the fields, such as `[spec]`")


def _reference(reference: ReferenceSection, resource: CustomResourceSection, at: Path, known: Collection[str]) -> Iterator[Complaint]:
    path = grammar.field_path(reference.path)
    owned = _owned(resource)
    if not any(begins_with(path, each) for each in owned):
        yield Complaint((*at, "path"), f"`{reference.path}` does not cross", "Name a field under `tenantOwns` or `hostOwns`")
    if reference.kind_path and not reference.kinds:
        yield Complaint((*at, "kindPath"), "what the field may say is not listed", "Write `kinds`, such as `{Issuer: issuers.example.com}`")
    if not reference.kind_path and (reference.kinds or not reference.kind):
        yield Complaint(at, "it is not said which kind is named", "Write `kind`, or `kindPath` and `kinds`")
    places: list[tuple[Path, str]] = [((*at, "kind"), reference.kind)] if reference.kind else []
    for place, kind in [*places, *(((*at, "kinds", word), kind) for word, kind in reference.kinds.items())]:
        yield from _known_kind(kind, place, known)
    for key, text in (("namespacePath", reference.namespace_path), ("kindPath", reference.kind_path)):
        if text is not None:
            beside = grammar.field_path(text)
            if not any(begins_with(beside, each) for each in owned):
                yield Complaint((*at, key), f"`{text}` does not cross", "Name a field under `tenantOwns` or `hostOwns`")
            if ITEMS in beside[_shared(beside, path) :]:
                yield Complaint(
                    (*at, key), f"`{text}` goes through a list that `{reference.path}` does not go through", "Name a field beside the name"
                )


def _known_kind(kind: str, place: Path, known: Collection[str]) -> Iterator[Complaint]:
    if kind in _NEVER_NAMED:
        yield Complaint(place, f"{kind} cannot be referred to by custom kinds", "Remove the reference")
    elif kind not in known:
        near = nearest(kind, known)
        guess = f"Did you mean `{near}`? " if near else ""
        yield Complaint(place, f"`{kind}` is not a kind that is synced", f"{guess}Synced are {', '.join(f'`{name}`' for name in sorted(known))}")


def _selectors(resource: CustomResourceSection, at: Path, known: Collection[str]) -> Iterator[Complaint]:
    owned = tuple(map(grammar.owned_path, resource.tenant_owns))
    for number, one in enumerate(resource.selectors):
        place: Path = (*at, "selectors", number)
        if not any(begins_with(grammar.field_path(one.path), each) for each in owned):
            yield Complaint((*place, "path"), f"`{one.path}` does not go down", "Name a field under `tenantOwns`")
        if one.kind == "namespaces":
            yield Complaint((*place, "kind"), "host namespaces carry none of the tenant's labels", "Leave the field out of `tenantOwns`")
        else:
            yield from _known_kind(one.kind, (*place, "kind"), known)


def _twice(resource: CustomResourceSection, at: Path) -> Iterator[Complaint]:
    """A field that two entries translate would be translated twice."""
    written = [((*at, "references", number), grammar.field_path(one.path)) for number, one in enumerate(resource.references)]
    written += [((*at, "selectors", number), grammar.field_path(one.path)) for number, one in enumerate(resource.selectors)]
    for number, (place, path) in enumerate(written):
        for _, other in written[:number]:
            if begins_with(path, other) or begins_with(other, path):
                yield Complaint((*place, "path"), f"`{path_text(path)}` and `{path_text(other)}` are one inside the other", "Keep one of the two")


def _owned(resource: CustomResourceSection) -> tuple[tuple[str, ...], ...]:
    return tuple(map(grammar.owned_path, (*resource.tenant_owns, *resource.host_owns)))


def _shared(one: FieldPath, other: FieldPath) -> int:
    """How many steps two paths have in common."""
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return count

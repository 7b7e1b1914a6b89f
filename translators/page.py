"""`docs/kinds.md`, written from the translators themselves: `python -m translators.page > docs/kinds.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

from syncer.core.objects import SECRETS
from syncer.core.translator import AllBut, Each, Life, Path, Subresource, Translator
from translators import service_addresses
from translators.catalog import BUILTIN
from translators.exports import export

_INTRO = """\
# Kinds

What crosses between tenant and host, in which direction, and who owns which field. This page is made from the translators
(`python -m translators.page > docs/kinds.md`); a test keeps it current.

A path has one owner. What the owner's side says is written to the other side, and an edit there is taken back; a path that is not listed is left
to whoever wrote it. Labels and annotations are shared: only keys that came from us are changed or removed. `[name]` stands for every item of a
list, told apart by that field. Host objects are built from the listed fields and nothing else: a field this version does not know does not
cross, and an event on the tenant object (`SyncFieldDropped`) names it."""

_FURTHER = {"services": service_addresses.__doc__ or ""}
"""What a second module of the same kind has to say."""

_LIFE = {
    Life.TENANT_LEADS: "The tenant: a copy is made on the host, made again if it is lost there, and removed with its original.",
    Life.HOST_LEADS: "The host: a copy is shown in the tenant, and what the tenant does to it is taken back.",
    Life.SHARED_FATE: "The tenant makes it; from then on the two share their fate: neither outlives the other.",
}


EXPORTS = replace(export(SECRETS, ()), name="exports")
"""Stands for those that the sync file makes."""


def page(translators: Iterable[Translator] = (*BUILTIN, EXPORTS)) -> str:
    """The whole page."""
    return "\n\n".join([_INTRO, *(_section(translator) for translator in translators)]) + "\n"


def _section(translator: Translator) -> str:
    rows = [("Leads", _LIFE[translator.life]), *_facts(translator)]
    rows.append(("Tenant owns", _paths(translator.tenant_owns, translator.host_subresources)))
    rows.append(("Host owns", _paths(translator.host_owns, translator.tenant_subresources)))
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])
    return f"## {translator.name}\n\n{_prose(translator)}\n\n{table}"


def _facts(translator: Translator) -> Iterator[tuple[str, str]]:
    if translator.target is not None:
        yield "Made of", f"{translator.source.kind}, as a {translator.destination.kind}"
    if translator.only_if_needed:
        yield "Crosses", "only while a synced object uses it (`select: used`), or always (`select: all`)"
    if translator.keep_when_source_gone:
        yield "Outlives its original", "yes"
    if translator.must_recreate is not None or translator.recreate_on:
        yield "Made anew", "when a field changes that cannot change in place"


def _paths(paths: Iterable[Path], subresources: Iterable[Subresource]) -> str:
    """The paths, those that are written through a subresource behind its name."""
    through = {path: subresource.name for subresource in subresources for path in subresource.paths}
    groups: dict[str, list[str]] = {}
    for path in paths:
        texts = groups.setdefault(through.get(path, ""), [])
        if (text := f"`{written(path)}`") not in texts:
            texts.append(text)
    return "; ".join((f"through `{name}`: " if name else "") + ", ".join(texts) for name, texts in groups.items()) or "nothing"


def written(path: Path) -> str:
    """A path as people read it."""
    text = ""
    for step in path:
        match step:
            case Each(key):
                text += f"[{key}]"
            case AllBut(_, fields):
                text += f" (without {', '.join(fields)})" if fields else ""
            case _:
                text += f".{step}" if text else step
    return text


def _prose(translator: Translator) -> str:
    """The docstring of the module that holds the translation."""
    function = translator.down or translator.up
    assert function is not None
    name = getattr(function, "func", function).__module__  # a function for several kinds holds what tells them apart
    package = name.rpartition(".")[0]
    module = sys.modules[package if package != "translators" and translator.name == translator.source.plural else name]
    return "\n\n".join(text.strip() for text in (module.__doc__ or "", _FURTHER.get(translator.name, "")) if text)


if __name__ == "__main__":
    sys.stdout.write(page())

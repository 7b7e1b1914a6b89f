"""What every translator keeps, built in or not. Authors of translators call `check_laws` with a few samples of their kind:

    def test_widgets_keep_the_laws():
        check_laws(WIDGETS, [Sample(source={"metadata": {"namespace": "web", "name": "a"}, "spec": {"size": 1}}, host_status={"ready": True})])

Each law is a function of (translator, sample) that raises `LawBroken` with what it found; `LAWS` lists them. A sample whose object is not
translated (skipped, waiting, refused) is fine, as long as one of them is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.actions import Create, Patch
from syncer.core.errors import ApiError
from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import NamespaceMapping
from syncer.core.translator import Answer, Draft, Translator, View
from syncer.testing.paths import ends_in_list, holds, leaves, overlap, shown
from syncer.testing.recording import RecordingView
from syncer.testing.samples import Bench, Sample, identified

Law = Callable[[Translator, Sample], None]
SHARED = "one-for-all"


class LawBroken(AssertionError):
    """The message names the law in words, and what was found."""


def check_laws(translator: Translator, samples: Iterable[Sample]) -> None:
    """All laws on all samples; every breach is reported."""
    samples = list(samples)
    breaches: list[str] = []
    for law in LAWS:
        for sample in samples:
            meta = sample.source["metadata"]
            who = f"{translator.name} {meta.get('namespace', '')}/{meta['name']}"
            try:
                law(translator, sample)
            except LawBroken as breach:
                breaches.append(f"{who}: {breach}")
            except Exception as error:  # the translator's own: one more thing to tell, not the end of the telling
                breaches.append(f"{who}: {type(error).__name__}: {error} (trying: {law.__name__.replace('_', ' ')})")
    if samples and not any(isinstance(_forward(translator, Bench(translator, sample)), Draft) for sample in samples):
        breaches.append(f"{translator.name}: no sample is translated, so that nothing has been shown")
    if breaches:
        raise LawBroken("\n".join(dict.fromkeys(breaches)))


# --- the laws


def owned_lists_do_not_overlap(translator: Translator, sample: Sample) -> None:
    """A path has one owner, and is listed once (a list told apart by a key may stand beside its fields, or inside what holds it). Of the shared maps
    of labels and annotations the host may own single keys of the tenant's object; on its own side our record of keys says the same."""
    for path in (*translator.tenant_owns, *translator.host_owns):
        if tuple(path[:2]) in (("metadata", "labels"), ("metadata", "annotations")) and (len(path) < 3 or path in translator.tenant_owns):
            raise LawBroken(f"{shown(path)} is shared key by key and cannot be owned")
    for one in translator.tenant_owns:
        for other in translator.host_owns:
            if overlap(one, other) and not any(shown(path).startswith(f"{place}[") for path in (one, other) for place in sample.divided):
                raise LawBroken(f"both sides own {shown(one)} (and {shown(other)})")
    for owned in (translator.tenant_owns, translator.host_owns):
        for number, one in enumerate(owned):
            for other in owned[number + 1 :]:
                if overlap(one, other) and not (ends_in_list(one) or ends_in_list(other)):
                    raise LawBroken(f"{shown(one)} and {shown(other)} are one inside the other")


def inputs_are_left_alone(translator: Translator, sample: Sample) -> None:
    """No function changes what it is given, nor what the view shows."""
    for what, function, obj, view in _uses(translator, sample):
        before = copy.deepcopy((obj, view.seen(), view.counterpart))
        function(obj, view)
        if (obj, view.seen(), view.counterpart) != before:
            raise LawBroken(f"{what} changed its input")


def answers_repeat(translator: Translator, sample: Sample) -> None:
    """The same question has the same answer, whatever the order of the keys in a map."""
    for what, function, obj, view in _uses(translator, sample):
        first, second = _said(function(obj, view)), _said(function(obj, view))
        if first != second:
            raise LawBroken(f"{what} answered {first}, then {second}")
        turned = _said(function(_turned(obj), view))
        if first != turned:
            raise LawBroken(f"{what} depends on the order of keys: {first}, then {turned}")


def reads_are_declared(translator: Translator, sample: Sample) -> None:
    """Only what `needs` names is read: the rest would not wake the key when it changes."""
    bench = Bench(translator, sample)
    source = bench.source
    assert source is not None
    needs = set(translator.needs(source, bench.names, bench.settings))
    for what, function, obj, view in _uses(translator, sample):
        function(obj, view)
        undeclared = view.undeclared(needs)
        if undeclared:
            raise LawBroken(f"{what} read what is not among its needs: {', '.join(map(str, undeclared))}")


def it_comes_to_rest(translator: Translator, sample: Sample) -> None:
    """Translate, write, translate again: nothing is left to write, with all that an API server adds by itself."""
    bench = Bench(translator, sample)
    try:
        if not any(isinstance(action, Create) for action in bench.round()):
            return
        bench.show_status()
        rounds = [bench.round() for _ in range(3)]
    except ApiError as error:
        raise LawBroken(f"an API server refuses what was written: {error}") from error
    if rounds[-1]:
        raise LawBroken(f"it never comes to rest: {[_told(action) for action in rounds[-1]]}")


def names_are_translated(translator: Translator, sample: Sample) -> None:
    """Where every host name differs from the tenant's, no name of a tenant object or namespace is left alone in a value.

    Names in labels and annotations are the tenant's own affair, and so are those in `Sample.keeps_names_in`.
    """
    if translator.leading is Side.HOST:
        return
    bench = Bench(translator, sample, replace(sample.settings, mapping=NamespaceMapping(shared=SHARED)))
    answer = _forward(translator, bench)
    if not isinstance(answer, Draft):
        return
    names = _tenant_names(sample, bench)
    body = {key: value for key, value in answer.body.items() if key != "metadata"}
    for place, value in leaves(_without_our_labels(body)):
        plain = ".".join(step for step in place if not step.isdigit())
        if value in names and not any(plain == kept or plain.startswith(f"{kept}.") for kept in sample.keeps_names_in):
            raise LawBroken(f"the tenant's name {value!r} is left in {'.'.join(place)}")


def names_lead_back(translator: Translator, sample: Sample) -> None:
    """From the copy one finds the object it was made for, and no other."""
    bench = Bench(translator, sample)
    if not any(isinstance(action, Create) for action in bench.plan()):
        return
    bench.round()
    source, target = bench.source, bench.target
    assert source is not None
    if target is None or bench.target_ref is None:
        raise LawBroken(f"the copy is not under the name it was to have: {bench.target_ref}")
    annotations = target["metadata"].get("annotations") or {}
    if annotations.get(stamps.SOURCE_UID) != source["metadata"]["uid"]:
        raise LawBroken("the copy does not say which object it was made for")
    if translator.leading is Side.TENANT:
        back = bench.view().tenant_ref(translator.destination.plural, bench.target_ref.namespace, bench.target_ref.name)
        if back != Ref(translator.destination.plural, bench.source_ref.namespace, bench.source_ref.name):
            raise LawBroken(f"{bench.target_ref} leads back to {back} and not to {bench.source_ref}")


def up_keeps_to_its_paths(translator: Translator, sample: Sample) -> None:
    """What `up` says beyond `host_owns` would never be written: its author believes something that is not so."""
    if translator.leading is Side.HOST or translator.up is None:
        return
    for what, function, obj, view in _uses(translator, sample):
        answer = function(obj, view)
        if what != "up" or not isinstance(answer, Draft):
            continue
        body = {key: value for key, value in answer.body.items() if key != "metadata" or value}
        for place, _ in leaves(body):
            if not any(holds(path, place) for path in translator.host_owns):
                raise LawBroken(f"up speaks of {'.'.join(place)}, which the host does not own")


def our_prefix_does_not_cross(translator: Translator, sample: Sample) -> None:
    """What a tenant writes under `kled.io/` is neither believed nor passed on."""
    if translator.leading is Side.HOST:
        return
    source = identified(sample.source)
    forged = {f"{stamps.PREFIX}forged": "x", stamps.TENANT: "somebody-else", stamps.SOURCE_UID: "forged"}
    for field in ("labels", "annotations"):
        source["metadata"][field] = {**(source["metadata"].get(field) or {}), **forged}
    answer = _forward(translator, Bench(translator, replace(sample, source=source)))
    if not isinstance(answer, Draft):
        return
    meta = answer.body.get("metadata") or {}
    for field in ("labels", "annotations"):
        if crossed := forged.items() & (meta.get(field) or {}).items():
            raise LawBroken(f"{dict(crossed)} of the tenant's {field} crosses")


LAWS: tuple[Law, ...] = (
    owned_lists_do_not_overlap,
    inputs_are_left_alone,
    answers_repeat,
    reads_are_declared,
    it_comes_to_rest,
    names_are_translated,
    names_lead_back,
    up_keeps_to_its_paths,
    our_prefix_does_not_cross,
)


# --- how they look


def _forward(translator: Translator, bench: Bench) -> Answer | None:
    """What the leading side's function says of the sample, with nothing on the far side."""
    function = translator.down if translator.leading is Side.TENANT else translator.up
    source = bench.source
    assert source is not None
    return function(source, bench.view()) if function is not None else None


def _uses(translator: Translator, sample: Sample) -> Iterator[tuple[str, Callable[[Obj, View], Answer], Obj, RecordingView]]:
    """Each way the two functions are asked: without a copy, with one, and back."""
    forward = translator.down if translator.leading is Side.TENANT else translator.up
    name = "down" if translator.leading is Side.TENANT else "up"
    bench = Bench(translator, sample)
    source = bench.source
    assert source is not None
    if forward is not None:
        yield name, forward, source, RecordingView(bench.view())
    try:
        bench.round()
        bench.show_status()
    except ApiError:
        return  # `it_comes_to_rest` says so
    target = bench.target
    if target is None:
        return
    if forward is not None:
        yield name, forward, source, RecordingView(bench.view(target))
    if translator.leading is Side.TENANT and translator.up is not None:
        yield "up", translator.up, target, RecordingView(bench.view(source))


def _said(answer: Answer) -> Any:
    """An answer to compare: in which order dropped fields are named does not matter."""
    return (answer.body, sorted(answer.dropped), sorted(answer.notes)) if isinstance(answer, Draft) else answer


def _turned(value: Any) -> Any:
    """The same with the keys of every map in the opposite order."""
    if isinstance(value, Mapping):
        return {key: _turned(value[key]) for key in reversed(list(value))}
    return [_turned(item) for item in value] if isinstance(value, list) else value


def _without_our_labels(value: Any) -> Any:
    """Selectors are confined by our own labels, which hold the tenant's names on purpose."""
    if isinstance(value, Mapping):
        return {key: _without_our_labels(item) for key, item in value.items() if not key.startswith(stamps.PREFIX)}
    if isinstance(value, list):
        return [_without_our_labels(item) for item in value if not (isinstance(item, Mapping) and str(item.get("key", "")).startswith(stamps.PREFIX))]
    return value


def _tenant_names(sample: Sample, bench: Bench) -> set[str]:
    """Names of the tenant's objects and namespaces that are called otherwise on the host."""
    found = {bench.source_ref.name, bench.source_ref.namespace}
    for items in sample.around(Side.TENANT, bench.names).values():
        for obj in items:
            if obj["metadata"].get("namespace"):
                found |= {obj["metadata"]["name"], obj["metadata"]["namespace"]}
    return found - {""}


def _told(action: Any) -> str:
    extra = f" {action.patch}" if isinstance(action, Patch) else ""
    return f"{type(action).__name__} {action.side} {action.ref}{extra}"

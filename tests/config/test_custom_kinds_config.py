"""Declarations of custom kinds and patches: what is refused, with place, reason and next step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from config import ConfigError, Loaded
from syncer.core.fieldpaths import ITEMS

Load = Callable[..., Loaded]
Refusal = Callable[..., ConfigError]

PART = "{name: parts.example.com, version: v1, kind: Part}"


def one(**keys: str) -> str:
    """A file with one declared kind, key by key on lines of their own."""
    lines = {"name": "robots.example.com", "version": "v1", "kind": "Robot", **keys}
    first, *rest = [f"{key}: {value}" for key, value in lines.items() if value]
    return "\n".join(["sync:", "  customResources:", f"  - {PART}", f"  - {first}", *(f"    {line}" for line in rest), ""])


AT = "sync.customResources[1]"


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ({"name": "robots"}, "4:11: {}.name", "`robots` is not the name of a definition"),
        ({"name": "Robots.example.com"}, "4:11: {}.name", "not the name of a definition"),
        ({"name": "robots.com"}, "4:11: {}.name", "not the name of a definition"),
        ({"name": "parts.example.com"}, "4:11: {}.name", "listed twice. Merge"),
        ({"name": "storageclasses.storage.k8s.io"}, "4:11: {}.name", "is built in. List `storageclasses` under `sync.resources`"),
        ({"version": "V1"}, "5:14: {}.version", "`V1` is not a version"),
        ({"version": ""}, "4:5: {}.version", "this key is missing"),
        ({"kind": "robot"}, "6:11: {}.kind", "`robot` is not a kind"),
        ({"scope": "Global"}, "7:12: {}.scope", "`Global` is not a scope"),
        ({"scope": "Cluster", "namespaceMapping": "{a: b}"}, "8:5: {}.namespaceMapping", "have no namespace"),
        ({"names": "[a]"}, "7:5: {}.names", "only what the host shows is chosen by name"),
        ({"mode": "fromHost"}, "7:11: {}.mode", "what of the host is shown must be said"),
        ({"mode": "fromHost", "names": "[a]", "ownerReferences": "true"}, "9:5: {}.ownerReferences", "nothing goes down"),
        ({"tenantOwns": "[spec, spec.a]"}, "7:5: {}.tenantOwns", "one inside the other"),
        ({"tenantOwns": "[spec]", "hostOwns": "[spec.a]"}, "8:5: {}.hostOwns", "`spec.a` and `spec` (in `tenantOwns`) are one inside the other"),
        ({"tenantOwns": "[status]", "hostOwns": "[]"}, "7:5: {}.tenantOwns", "is the host's"),
        ({"tenantOwns": "[metadata]"}, "7:18: {}.tenantOwns[0]", "not for one side to own"),
        ({"tenantOwns": "['spec.a[*].b']"}, "7:18: {}.tenantOwns[0]", "goes through a list"),
        ({"tenantOwns": "[]"}, "7:5: {}.tenantOwns", "nothing would go down"),
        ({"references": "[{path: spec.x}]"}, "7:18: {}.references[0]", "which kind is named"),
        ({"references": "[{path: other.x, kind: secrets}]"}, "7:25: {}.references[0].path", "does not cross"),
        ({"references": "[{path: spec..x, kind: secrets}]"}, "7:25: {}.references[0].path", "cannot be read from character 5 on"),
        ({"references": "[{path: 'spec.x[0]', kind: secrets}]"}, "7:25: {}.references[0].path", "cannot be read"),
        ({"references": "[{path: spec.x, kind: secret}]"}, "7:39: {}.references[0].kind", "Did you mean `secrets`?"),
        ({"references": "[{path: spec.x, kind: nodes}]"}, "7:39: {}.references[0].kind", "cannot be referred to"),
        ({"references": "[{path: spec.x, kindPath: spec.k}]"}, "7:43: {}.references[0].kindPath", "what the field may say is not listed"),
        ({"references": "[{path: spec.x, kind: secrets, namespacePath: 'spec.y[*].n'}]"}, "{}.references[0].namespacePath", "goes through a list"),
        ({"references": "[{path: spec.x, kind: secrets}, {path: spec.x.y, kind: secrets}]"}, "{}.references[1].path", "one inside the other"),
        ({"selectors": "[{path: status.s}]"}, "7:24: {}.selectors[0].path", "does not go down"),
        ({"selectors": "[{path: spec.s, kind: namespaces}]"}, "7:38: {}.selectors[0].kind", "none of the tenant's labels"),
        ({"selectors": "[{path: spec.s, form: list}]"}, "7:38: {}.selectors[0].form", "not a form of selector"),
        ({"patches": "[{path: spec.x}]"}, "7:15: {}.patches[0]", "none of `set`, `remove` and `rename`"),
        ({"patches": "[{path: spec.x, set: 1, remove: true}]"}, "7:15: {}.patches[0]", "`set` and `remove` is written"),
        ({"patches": "[{path: spec.x, remove: false}]"}, "7:38: {}.patches[0].remove", "`false` says nothing here"),
        ({"patches": "[{path: spec.x, set: 1, when: 'object.'}]"}, "7:44: {}.patches[0].when", "not a condition in CEL: "),
        ({"patches": "[{path: spec.x, set: 1, when: '1 + 1'}]"}, "7:44: {}.patches[0].when", "not true or false"),
        ({"patches": "[{path: spec.x, set: 1, when: 'size(objekt) > 1'}]"}, "7:44: {}.patches[0].when", "undeclared reference"),
        ({"patches": "[{path: metadata.name, set: x}]"}, "7:15: {}.patches[0]", "single labels and annotations"),
        ({"patches": "[{path: 'metadata.labels[\"kled.io/tenant\"]', set: x}]"}, "7:15: {}.patches[0]", "the syncer's own"),
        ({"patches": "[{path: metadata.labels.a, set: 1}]"}, "7:15: {}.patches[0]", "must be text"),
        ({"patches": "[{path: metadata.labels.a, set: 'a b'}]"}, "7:15: {}.patches[0]", "is not a label value"),
        ({"patches": "[{path: status.x, set: 1}]"}, "7:15: {}.patches[0]", "the host's"),
        ({"patches": "[{path: spec.x, set: 1, direction: up}]"}, "7:15: {}.patches[0]", "belongs to the tenant"),
    ],
)
def test_a_bad_declaration_is_refused_with_its_place(refusal: Refusal, keys: dict[str, str], place: str, words: str) -> None:
    text = str(refusal(one(**keys)))
    assert place.format(AT) in text
    assert words in text


def test_a_namespaced_kind_cannot_come_from_a_shared_host_namespace(refusal: Refusal) -> None:
    text = one(mode="fromHost", names="[a]") + "  namespaceMapping: {'*': pool}\n"
    assert "many namespaces land in one" in str(refusal(text))


def test_references_may_name_each_other_and_kinds_that_are_listed(load: Load) -> None:
    text = one(references="[{path: 'spec.p[*]', kind: parts.example.com}, {path: spec.r, kind: robots.example.com}, {path: spec.s, kind: secrets}]")
    kind = load(text + "  resources: [{name: pods}]\n").settings.custom[1]
    assert kind.references[0].path == ("spec", "p", ITEMS)


def test_a_reference_to_a_kind_that_is_off_is_refused(refusal: Refusal) -> None:
    text = one(references="[{path: spec.s, kind: services}]") + "  resources: [{name: pods}]\n"
    assert "`services` is not a kind that is synced" in str(refusal(text))


def test_values_of_patches_are_what_they_look_like(load: Load) -> None:
    values = "[{path: spec.a, set: 1}, {path: spec.b, set: '1'}, {path: spec.c, set: {d: [true, x, 0.5, -3]}}, {path: spec.e, set: on}]"
    patches = load(one(patches=values)).settings.kinds["robots.example.com"].patches
    assert [patch.value for patch in patches] == [1, "1", {"d": [True, "x", 0.5, -3]}, "on"]


def test_patches_of_built_in_kinds_are_judged_by_their_owners(refusal: Refusal) -> None:
    text = "sync:\n  resources:\n  - name: services\n    patches:\n    - {path: 'spec.ports[*].nodePort', set: 1}\n"
    assert "sync.yaml:5:7: sync.resources[0].patches[0]: `spec.ports[*].nodePort` belongs to the host" in str(refusal(text))


def test_a_dotted_name_under_resources_points_to_custom_resources(refusal: Refusal) -> None:
    assert "declared under `sync.customResources`" in str(refusal("sync: {resources: [{name: robots.example.com}]}"))

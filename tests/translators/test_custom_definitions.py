"""Definitions copied into the tenant, and what their schemas suggest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from custom_kinds import PARTS, WIDGETS, settings_with, thing, view_of

from syncer.core.fieldpaths import parse
from syncer.core.settings import CustomKind, ReferencePath
from syncer.core.translator import Draft, Refusal, Wait
from syncer.testing import Sample, check_laws
from translators.custom.definitions import definitions, misfits
from translators.custom.suggestions import MOST, suggestions

COPY = {"metadata": {"name": "parts.example.com", "labels": {"kled.io/managed-by": "kled-syncer"}, "annotations": {"kled.io/source-uid": "old"}}}


def crd(*versions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    names = {"plural": "parts", "singular": "part", "kind": "Part", "listKind": "PartList"}
    whole = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": list(versions) or [version("v1")], **spec}
    return thing("parts.example.com", "", meta={"annotations": {"other": "x"}}, spec=whole)


def version(name: str, *, storage: bool = True, schema: Any = None, **more: Any) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object"}} if schema is None else schema
    return {"name": name, "served": True, "storage": storage, "schema": schema, "subresources": {"status": {}}, **more}


def copied(host: dict[str, Any], kind: CustomKind = PARTS, copy: dict[str, Any] | None = None) -> Any:
    up = definitions((kind,)).up
    assert up is not None
    return up(host, view_of(settings_with(kind), counterpart=copy))


def test_the_declared_version_alone_is_served_without_conversion() -> None:
    host = crd(version("v1"), version("v2", storage=False), conversion={"strategy": "Webhook", "webhook": {}})
    answer = copied(host, replace(PARTS, version="v2"))
    assert isinstance(answer, Draft)
    assert [(one["name"], one["served"], one["storage"]) for one in answer.body["spec"]["versions"]] == [("v2", True, True)]
    assert answer.body["spec"]["conversion"] == {"strategy": "None"}
    assert answer.body["metadata"] == {"annotations": {}}


def test_versions_that_the_tenants_store_still_holds_stay_listed_unserved() -> None:
    copy = {**COPY, "status": {"storedVersions": ["v1", "v2"]}}
    answer = copied(crd(version("v1"), version("v2", storage=False)), replace(PARTS, version="v2"), copy)
    assert isinstance(answer, Draft)
    assert [(one["name"], one["served"], one["storage"]) for one in answer.body["spec"]["versions"]] == [("v2", True, True), ("v1", False, False)]


def test_old_definitions_get_a_schema_that_says_what_they_said() -> None:
    loose = "x-kubernetes-preserve-unknown-fields"
    answer = copied(crd(version("v1"), preserveUnknownFields=True))
    assert isinstance(answer, Draft)
    assert answer.body["spec"]["versions"][0]["schema"]["openAPIV3Schema"][loose] is True
    assert "preserveUnknownFields" not in answer.body["spec"]
    bare = copied(crd(version("v1", schema={})))
    assert isinstance(bare, Draft)
    assert bare.body["spec"]["versions"][0]["schema"]["openAPIV3Schema"][loose] is True


def test_the_mark_of_protected_groups_comes_along() -> None:
    host = crd()
    host["metadata"]["annotations"] = {"api-approved.kubernetes.io": "https://example.com"}
    answer = copied(host)
    assert isinstance(answer, Draft)
    assert answer.body["metadata"]["annotations"] == {"api-approved.kubernetes.io": "https://example.com"}


def test_a_definition_of_the_tenants_own_is_left_alone_and_a_copy_of_an_earlier_one_is_not() -> None:
    assert isinstance(copied(crd(), copy={"metadata": {"name": "parts.example.com"}}), Wait)
    assert isinstance(copied(crd(), copy=COPY), Draft)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (replace(PARTS, kind="Piece"), "its kind is Part, not Piece"),
        (replace(PARTS, namespaced=False), "its scope is Namespaced"),
        (replace(PARTS, version="v9"), "it serves v1 and not v9"),
        (replace(PARTS, status_subresource=False), "statusSubresource must be true"),
    ],
)
def test_a_definition_that_does_not_fit_is_not_copied_and_says_why(kind: CustomKind, words: str) -> None:
    assert words in " ".join(misfits(crd(), kind))
    answer = copied(crd(), kind)
    assert isinstance(answer, Refusal)
    assert words in answer.message


def test_a_definition_that_is_going_or_not_declared_is_left_alone() -> None:
    going = crd()
    going["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    assert isinstance(copied(going), Wait)
    assert isinstance(copied(crd(), WIDGETS), Wait)


def test_definitions_keep_the_laws_and_never_go_with_the_hosts() -> None:
    translator = definitions((PARTS,))
    check_laws(translator, [Sample(source=crd(), settings=settings_with(PARTS)), Sample(source=crd(version("v2")), settings=settings_with(PARTS))])
    assert translator.keep_when_source_gone
    assert translator.same_by_name


# --- suggestions


def schema(**spec: Any) -> dict[str, Any]:
    return crd(version("v1", schema={"openAPIV3Schema": {"properties": {"spec": {"type": "object", "properties": spec}}}}))


TEXT = {"type": "string"}
NAMED = {"type": "object", "properties": {"name": TEXT, "namespace": TEXT}}


@pytest.mark.parametrize(
    ("fields", "path", "looks_like"),
    [
        ({"secretName": TEXT}, "spec.secretName", "secrets"),
        ({"tlsSecretRef": NAMED}, "spec.tlsSecretRef", "secrets"),
        ({"imagePullSecrets": {"type": "array", "items": NAMED}}, "spec.imagePullSecrets", "secrets"),
        ({"configMapRef": NAMED}, "spec.configMapRef", "configmaps"),
        ({"serviceAccountName": TEXT}, "spec.serviceAccountName", "serviceaccounts"),
        ({"serviceName": TEXT}, "spec.serviceName", "services"),
        ({"claimName": TEXT}, "spec.claimName", "persistentvolumeclaims"),
        ({"storageClassName": TEXT}, "spec.storageClassName", "storageclasses"),
        ({"issuerRef": NAMED}, "spec.issuerRef", "a reference"),
        ({"podSelector": {"properties": {"matchLabels": {}}}}, "spec.podSelector", "a label selector"),
        ({"targetNamespace": TEXT}, "spec.targetNamespace", "a namespace"),
        ({"items": {"type": "array", "items": {"properties": {"keySecretName": TEXT}}}}, "spec.items[*].keySecretName", "secrets"),
    ],
)
def test_fields_that_look_like_references_are_suggested(fields: dict[str, Any], path: str, looks_like: str) -> None:
    found = suggestions(schema(**fields), PARTS)
    assert [one.path for one in found] == [path]
    assert looks_like in found[0].looks_like
    assert path in str(found[0].write)


def test_what_is_declared_or_means_something_else_is_not_suggested() -> None:
    kind = replace(PARTS, references=(ReferencePath(path=parse("spec.a.secretName"), kind="secrets"),), pass_namespaces=(parse("spec.namespace"),))
    fields = {"a": {"properties": {"secretName": TEXT}}, "namespace": TEXT, "replicas": {"type": "integer"}, "secretary": TEXT, "preference": TEXT}
    assert suggestions(schema(**fields), kind) == ()


def test_endless_schemas_are_read_to_an_end() -> None:
    deep: dict[str, Any] = {"properties": {"secretName": TEXT}}
    for _ in range(200):
        deep = {"properties": {"a": deep}}
    assert suggestions(schema(a=deep), PARTS) == ()
    assert len(suggestions(schema(**{f"x{number}SecretName": TEXT for number in range(500)}), PARTS)) == MOST

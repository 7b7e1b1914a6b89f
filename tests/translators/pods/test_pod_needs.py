"""What a pod asks for, and when."""

from __future__ import annotations

from typing import Any

from pod_world import NODE, container, pod, settings, with_status

from syncer.core.objects import Ref, Side
from syncer.core.translator import ListNeed, Need, ObjectNeed, Purpose
from syncer.testing.view import names_for
from translators.pods import PODS


def needs(given: dict[str, Any], **fields: Any) -> list[Need]:
    made = settings(**fields)
    return list(PODS.needs(given, names_for(made), made))


def demanded(given: dict[str, Any]) -> set[tuple[str, str]]:
    found = [need for need in needs(given) if isinstance(need, ObjectNeed) and need.purpose is Purpose.DEMAND]
    assert all(need.side is Side.TENANT and need.ref.namespace == "web" for need in found)
    return {(need.ref.plural, need.ref.name) for need in found}


def key_ref(kind: str, name: str) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {kind: {"name": name, "key": "k"}}}


def test_everything_a_pod_refers_to_is_in_use_wherever_it_refers_to_it() -> None:
    given = pod(
        {
            "imagePullSecrets": [{"name": "pull"}],
            "initContainers": [container("a", env=[key_ref("configMapKeyRef", "cm-init")])],
            "containers": [container("b", env=[key_ref("secretKeyRef", "s-env")], envFrom=[{"configMapRef": {"name": "cm-from"}}])],
            "ephemeralContainers": [{"name": "c", "envFrom": [{"secretRef": {"name": "s-debug"}}]}],
        },
        volumes=[
            {"name": "v1", "configMap": {"name": "cm-volume"}},
            {"name": "v2", "secret": {"secretName": "s-volume"}},
            {"name": "v3", "projected": {"sources": [{"configMap": {"name": "cm-part"}}, {"secret": {"name": "s-part"}}]}},
            {"name": "v4", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "v5", "ephemeral": {"volumeClaimTemplate": {}}},
            {"name": "v6", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "s-csi"}}},
        ],
    )
    assert demanded(given) == {
        *(("configmaps", name) for name in ("cm-init", "cm-from", "cm-volume", "cm-part", "kube-root-ca.crt")),
        *(("secrets", name) for name in ("pull", "s-env", "s-debug", "s-volume", "s-part", "s-csi")),
        *(("persistentvolumeclaims", name) for name in ("claim", "app-0-v5")),
    }


def test_what_a_pod_uses_is_in_use_before_it_is_scheduled_but_nothing_else_is_looked_at() -> None:
    given = pod({"nodeName": None})
    assert demanded(given) == {("configmaps", "kube-root-ca.crt")}
    assert len(needs(given)) == 1


def test_a_pod_that_has_ended_uses_nothing() -> None:
    assert needs(with_status(pod(), {"phase": "Succeeded"})) == []


def test_only_an_optional_reference_asks_for_a_look_at_foreign_objects() -> None:
    given = pod(volumes=[{"name": "a", "configMap": {"name": "one", "optional": True}}, {"name": "b", "configMap": {"name": "two"}}])
    probes = [need.ref for need in needs(given) if isinstance(need, ObjectNeed) and need.purpose is Purpose.PROBE]
    assert probes == [Ref("configmaps", "acme-web", "one")]


def test_services_and_namespaces_are_listed_only_for_pods_that_need_them() -> None:
    def lists(given: dict[str, Any]) -> set[str]:
        return {need.plural for need in needs(given) if isinstance(need, ListNeed)}

    term = {"topologyKey": "x", "labelSelector": {}, "namespaceSelector": {"matchLabels": {"a": "b"}}}
    assert lists(pod({"enableServiceLinks": False})) == set()
    assert lists(pod()) == {"services"}
    assert lists(
        pod({"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}}})
    ) == {
        "services",
        "namespaces",
    }


def test_the_node_is_looked_at_on_both_sides() -> None:
    sides = {need.side for need in needs(pod()) if isinstance(need, ObjectNeed) and need.ref == Ref("nodes", "", NODE)}
    assert sides == set(Side)

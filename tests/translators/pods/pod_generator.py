"""Pods made of the OpenAPI document: any combination of any fields, with values of the right type. Far more than an API server would admit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from extract_openapi import EXTRACT
from hypothesis import strategies as st

DEFINITIONS: dict[str, dict[str, str]] = json.loads(EXTRACT.read_text())["definitions"]
NAMES = st.sampled_from(["settings", "password", "registry", "disk", "nowhere", "kube-root-ca.crt", "a-x-web", "x"])
LABEL_KEYS = st.sampled_from(["app", "rev", "kled.io/tenant", "sidecar.istio.io/inject", "example.org/x"])
FIELD_PATHS = st.sampled_from(
    [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.labels",
        "metadata.annotations",
        "metadata.labels['app']",
        "metadata.annotations['sidecar.istio.io/inject']",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.podIP",
        "status.hostIPs",
        "status.future",
        "",
    ]
)
_SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "fieldPath": FIELD_PATHS,
    "topologyKey": st.sampled_from(["kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"]),
    "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Equal"]),
    "dnsPolicy": st.sampled_from(["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    "key": LABEL_KEYS,
    "port": st.integers(1, 65535),
}
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": NAMES,
    "integer": st.integers(0, 5000),
    "boolean": st.booleans(),
    "Quantity": st.sampled_from(["1", "100m", "1Gi"]),
    "IntOrString": st.one_of(st.integers(1, 65535), st.just("http")),
    "object": st.just({}),
    "Time": st.just("2026-01-01T00:00:00Z"),
    "PersistentVolumeClaimTemplate": st.just({"spec": {"accessModes": ["ReadWriteOnce"]}}),
}
_REQUIRED = {"Container": ("name", "image"), "EphemeralContainer": ("name", "image"), "Volume": ("name",), "EnvVar": ("name",)}
_REQUIRED |= {
    "ServiceAccountTokenProjection": ("path",),
    "ResourceFieldSelector": ("resource",),
    "WeightedPodAffinityTerm": ("podAffinityTerm", "weight"),
}
_UNIONS = {"Volume": ("name",), "VolumeProjection": (), "EnvVarSource": ()}


def _value(draw: st.DrawFn, field: str, kind: str, depth: int) -> Any:
    if field in _SPECIAL and kind in ("string", "integer", "IntOrString"):
        return draw(_SPECIAL[field])
    if kind.startswith("["):
        count = draw(st.integers(0, 2))
        return [_value(draw, "", kind[1:-1], depth) for _ in range(count)]
    if kind.startswith("{"):
        return {draw(LABEL_KEYS): _value(draw, "", kind[1:-1], depth) for _ in range(draw(st.integers(0, 2)))}
    if kind in DEFINITIONS:
        return _object(draw, kind, depth + 1)
    return draw(_SCALARS[kind])


def _object(draw: st.DrawFn, name: str, depth: int, without: tuple[str, ...] = ()) -> dict[str, Any]:
    fields = DEFINITIONS[name]
    required = _REQUIRED.get(name, ())
    optional = sorted(set(fields) - set(required) - set(without))
    if name in _UNIONS:
        chosen = [draw(st.sampled_from(optional))]
    elif depth > 6:
        chosen = []
    else:
        chosen = draw(st.lists(st.sampled_from(optional), unique=True, max_size=6 if depth else 12)) if optional else []
    return {field: _value(draw, field, fields[field], depth) for field in (*required, *chosen)}


@st.composite
def pod_specs(draw: st.DrawFn) -> dict[str, Any]:
    spec = _object(draw, "PodSpec", 0, without=("nodeName", "containers", "resourceClaims"))
    spec["containers"] = [_object(draw, "Container", 1) for _ in range(draw(st.integers(1, 2)))]
    for kind in ("containers", "initContainers", "ephemeralContainers", "volumes"):
        for index, item in enumerate(spec.get(kind) or ()):
            item["name"] = f"{kind[0]}{index}"
    return spec


@st.composite
def metadata(draw: st.DrawFn) -> dict[str, Any]:
    values = st.sampled_from(["", "x", "$(A)", 'a"b\n', "é"])
    return {
        "labels": draw(st.dictionaries(LABEL_KEYS, values, max_size=3)),
        "annotations": draw(st.dictionaries(LABEL_KEYS, values, max_size=3)),
    }


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every scalar with the path to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def full(name: str, leaf: Callable[[tuple[str, ...], str], Any], path: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with every field, lists with one item; `leaf(path, type)` makes the scalars."""

    def value(kind: str, where: tuple[str, ...]) -> Any:
        if kind.startswith("["):
            return [value(kind[1:-1], where)]
        if kind.startswith("{"):
            return {"app": value(kind[1:-1], (*where, "app"))}
        if kind in DEFINITIONS:
            return full(kind, leaf, where, skip) if len(where) < 14 else {}
        return leaf(where, kind)

    return {field: value(kind, (*path, field)) for field, kind in DEFINITIONS[name].items() if field not in skip}

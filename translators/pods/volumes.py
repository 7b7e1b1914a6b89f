"""Volumes: names translated, tokens replaced, the rest by the table. Which types may run at all is policy's to say, on the finished pod."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncer.core.objects import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, SECRETS, Resource
from translators.pods.downward import file_item
from translators.pods.refs import SECRET_FIELDS, secret_name
from translators.pods.shapes import SHAPES
from translators.pods.tokens import Source
from translators.pods.tokens import secret_name as token_secret
from translators.pods.work import Work

_VOLUME = SHAPES["Volume"]


def volumes(work: Work) -> list[Mapping[str, Any]]:
    return [_volume(work, volume, f"spec.volumes[{index}]") for index, volume in enumerate(work.spec.get("volumes") or ())]


def _volume(work: Work, volume: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    passed = _VOLUME.clean(work, volume, path)
    if passed is volume:
        return volume
    made = dict(passed)
    for kind, rewrite in _REWRITES.items():
        source = volume.get(kind)
        if source is not None:
            field, value = rewrite(work, volume, source, f"{path}.{kind}")
            made[field] = value
    for kind, secret_field in SECRET_FIELDS.items():
        source = volume.get(kind)
        if source is not None:
            made[kind] = _with_secret(work, kind, secret_field, source, f"{path}.{kind}")
    return made


def _named(work: Work, source: Mapping[str, Any], shape: str, field: str, resource: Resource, path: str) -> dict[str, Any]:
    made = dict(SHAPES[shape].clean(work, source, path))
    name = source.get(field)
    if name:
        made[field] = work.reference(resource, name, optional=bool(source.get("optional")))
    return made


def _config_map(work: Work, volume: Mapping[str, Any], source: Mapping[str, Any], path: str) -> tuple[str, Any]:
    return "configMap", _named(work, source, "ConfigMapVolumeSource", "name", CONFIGMAPS, path)


def _secret(work: Work, volume: Mapping[str, Any], source: Mapping[str, Any], path: str) -> tuple[str, Any]:
    return "secret", _named(work, source, "SecretVolumeSource", "secretName", SECRETS, path)


def _claim(work: Work, volume: Mapping[str, Any], source: Mapping[str, Any], path: str) -> tuple[str, Any]:
    return "persistentVolumeClaim", _named(work, source, "PersistentVolumeClaimVolumeSource", "claimName", PERSISTENTVOLUMECLAIMS, path)


def _ephemeral(work: Work, volume: Mapping[str, Any], source: Mapping[str, Any], path: str) -> tuple[str, Any]:
    """The tenant's controller makes the claim, named after pod and volume; the host pod refers to its copy."""
    if PERSISTENTVOLUMECLAIMS.plural not in work.settings.kinds:
        work.refuse(path, "generic ephemeral volumes need the kind persistentvolumeclaims to be synced")
    return "persistentVolumeClaim", {"claimName": work.reference(PERSISTENTVOLUMECLAIMS, f"{work.name}-{volume['name']}")}


def _downward(work: Work, volume: Mapping[str, Any], source: Mapping[str, Any], path: str) -> tuple[str, Any]:
    made = dict(SHAPES["DownwardAPIVolumeSource"].clean(work, source, path))
    made["items"] = _items(work, source, path)
    return "downwardAPI", made


def _items(work: Work, source: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    made = (file_item(work, item, f"{path}.items[{index}]") for index, item in enumerate(source.get("items") or ()))
    return [item for item in made if item is not None]


def _projected(work: Work, volume: Mapping[str, Any], source: Mapping[str, Any], path: str) -> tuple[str, Any]:
    made = dict(SHAPES["ProjectedVolumeSource"].clean(work, source, path))
    made["sources"] = [
        _projection(work, volume["name"], index, part, f"{path}.sources[{index}]") for index, part in enumerate(source.get("sources") or ())
    ]
    return "projected", made


def _projection(work: Work, volume: str, index: int, part: Mapping[str, Any], path: str) -> dict[str, Any]:
    made = dict(SHAPES["VolumeProjection"].clean(work, part, path))
    for kind, source in part.items():
        if source is None:
            continue
        where = f"{path}.{kind}"
        if kind == "configMap":
            made[kind] = _named(work, source, "ConfigMapProjection", "name", CONFIGMAPS, where)
        elif kind == "secret":
            made[kind] = _named(work, source, "SecretProjection", "name", SECRETS, where)
        elif kind == "downwardAPI":
            made[kind] = {"items": _items(work, source, where)}
        elif kind == "serviceAccountToken":
            SHAPES["ServiceAccountTokenProjection"].clean(work, source, where)
            items = [{"key": Source(volume, index, source).entry, "path": source["path"]}]
            made["secret"] = {"name": token_secret(work.names, work.namespace, work.name), "items": items}
    return made


def _with_secret(work: Work, kind: str, field: str, source: Mapping[str, Any], path: str) -> dict[str, Any]:
    shape = _VOLUME.rules[kind].shape
    made = dict(SHAPES[shape].clean(work, source, path))
    name = secret_name(source, field)
    if name:
        host_name = work.reference(SECRETS, name)
        made[field] = host_name if isinstance(source[field], str) else {"name": host_name}
    return made


_Rewrite = Callable[[Work, Mapping[str, Any], Mapping[str, Any], str], tuple[str, Any]]
_REWRITES: Mapping[str, _Rewrite] = {
    "projected": _projected,
    "configMap": _config_map,
    "secret": _secret,
    "persistentVolumeClaim": _claim,
    "downwardAPI": _downward,
    "ephemeral": _ephemeral,
}


def refreshed(work: Work) -> None:
    """For a pod that exists: the annotations behind its downwardAPI files, brought up to date (the kubelet writes the files anew)."""
    for volume in work.spec.get("volumes") or ():
        for source in (volume.get("downwardAPI"), *(part.get("downwardAPI") for part in (volume.get("projected") or {}).get("sources") or ())):
            if source:
                _items(work, source, "spec.volumes")

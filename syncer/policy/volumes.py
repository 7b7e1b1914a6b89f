"""Which volumes a host pod may have, at every level: an allowlist of the kinds in VolumeSource, so that a kind of tomorrow is refused.

Sources: VolumeSource, VolumeProjection and EmptyDirVolumeSource of the core/v1 API 1.36; CVE-2024-10220 and CVE-2025-1767 (gitRepo) for why
kinds the Pod Security level `baseline` lets pass are refused here all the same.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from syncer.core import quantity
from syncer.core.settings import PolicySettings
from syncer.policy.findings import Findings, below
from syncer.policy.pod_security import HOST_PATHS, RESTRICTED_VOLUMES
from syncer.policy.reading import Pod, Tree, objects

_PLAIN = frozenset({"configMap", "secret", "downwardAPI", "persistentVolumeClaim"})
_PROJECTABLE = frozenset({"configMap", "secret", "downwardAPI"})
# What `restricted` knows beside them; every other kind goes by the name of its check there.
_PASS_RESTRICTED = frozenset({*_PLAIN, "emptyDir", "projected", "csi", "ephemeral", "image"})


def check_volumes(pod: Pod, policy: PolicySettings, found: Findings) -> None:
    """Holds every volume of a pod against the allowlist. A volume without a source is an emptyDir, as the API server defaults it."""
    for where, volume in objects(pod.spec, "volumes", "spec", found):
        kinds = [key for key, value in volume.items() if value is not None and key != "name"]
        for kind in kinds:
            source = volume[kind]
            at = below(where, kind)
            if not isinstance(source, Mapping):
                found.malformed(at, source, "an object")
            elif kind not in _PLAIN:
                _SPECIAL.get(kind, _other)(source, at, kind, policy, found)
        if len(kinds) > 1:
            found.refuse(where, f"{kinds[0]} with {kinds[1]}", "a volume has one source", "volumeTypes")


def _other(source: Tree, where: str, kind: str, policy: PolicySettings, found: Findings) -> None:
    if kind in policy.allow_volume_types:
        return
    restricted = policy.pod_security == "restricted" and kind not in _PASS_RESTRICTED and RESTRICTED_VOLUMES not in policy.pod_security_exceptions
    remedy = "use a PersistentVolumeClaim, or have the kind of volume allowed by policy.allowVolumeTypes"
    found.refuse(where, kind, remedy, RESTRICTED_VOLUMES if restricted else "volumeTypes")


def _host_path(source: Tree, where: str, kind: str, policy: PolicySettings, found: Findings) -> None:
    if HOST_PATHS in policy.pod_security_exceptions:
        return
    path = source.get("path")
    if not isinstance(path, str) or not is_below(path, policy.allow_host_paths):
        remedy = "use a PersistentVolumeClaim or an emptyDir, or have the directory allowed by policy.allowHostPaths"
        found.refuse(f"{where}.path", path, remedy, HOST_PATHS)


def _projected(source: Tree, where: str, kind: str, policy: PolicySettings, found: Findings) -> None:
    """Tokens, trust bundles and certificates of the host are not the tenant's: the host would issue them in its own name."""
    for at, projection in objects(source, "sources", where, found):
        for key, value in projection.items():
            if value is None:
                continue
            if key not in _PROJECTABLE:
                found.refuse(below(at, key), key, "project only a configMap, a secret or the downwardAPI", "projectedSources")
            elif not isinstance(value, Mapping):
                found.malformed(below(at, key), value, "an object")


def _csi(source: Tree, where: str, kind: str, policy: PolicySettings, found: Findings) -> None:
    driver = source.get("driver")
    if not isinstance(driver, str) or driver not in policy.allow_csi_drivers:
        remedy = "use a PersistentVolumeClaim, or have the driver allowed by policy.allowCSIDrivers"
        found.refuse(f"{where}.driver", driver, remedy, "csiDrivers")


def _empty_dir(source: Tree, where: str, kind: str, policy: PolicySettings, found: Findings) -> None:
    """The cap is for each volume in memory. A size limit of 0 is none at all: the kubelet then gives what the node has."""
    medium = source.get("medium")
    if medium is not None and not isinstance(medium, str):
        found.malformed(f"{where}.medium", medium, "a text")
        return
    if policy.memory_volume_cap is None or medium != "Memory":
        return
    field = f"{where}.sizeLimit"
    remedy = f"set a limit of at most {policy.memory_volume_cap}"
    limit = source.get("sizeLimit")
    if limit is None:
        found.require(field, remedy, "memoryVolumes")
    elif not _fits(limit, policy.memory_volume_cap):
        found.refuse(field, limit, remedy, "memoryVolumes")


_SPECIAL: dict[str, Callable[[Tree, str, str, PolicySettings, Findings], None]] = {
    "hostPath": _host_path,
    "projected": _projected,
    "csi": _csi,
    "emptyDir": _empty_dir,
}


def is_below(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whether an absolute path is one of the prefixes or lies below one. A path with `..` never does; links on the node are not followed."""
    plain = _normal(path)
    if plain is None:
        return False
    for prefix in prefixes:
        root = _normal(prefix)
        if root is not None and (root == "/" or plain == root or plain.startswith(f"{root}/")):
            return True
    return False


def _normal(path: str) -> str | None:
    if not path.startswith("/") or not path.isprintable() or ".." in path.split("/"):
        return None
    return posixpath.normpath("/" + path.lstrip("/"))


def _fits(limit: object, cap: str) -> bool:
    # An unquoted number is a quantity too (Quantity.UnmarshalJSON); a boolean is not one.
    if isinstance(limit, bool) or not isinstance(limit, (str, int, float)):
        return False
    try:
        return 0 < quantity.parse(limit if isinstance(limit, str) else repr(limit)) <= quantity.parse(cap)
    except ValueError:
        return False

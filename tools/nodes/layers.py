"""Container images without a container engine: layers as tar files, and the OCI layout around them."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tools.planes.download import ARCHITECTURES

SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Layer:
    """What a layer holds, by path in the image (without a leading slash); folders above are made as needed."""

    files: dict[str, Path] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=lambda: {"tmp": 0o1777})

    def write(self, target: IO[bytes]) -> None:
        """Write the layer as a tar file, in an order that is always the same."""
        with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for folder, mode in sorted(self._all_folders().items()):
                tar.addfile(_entry(folder, mode, tarfile.DIRTYPE))
            for name, source in sorted(self.files.items()):
                self._file(tar, name, source)
            for name, text in sorted(self.texts.items()):
                entry = _entry(name, 0o755 if text.startswith("#!") else 0o644, tarfile.REGTYPE)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
            for name, goal in sorted(self.links.items()):
                entry = _entry(name, 0o777, tarfile.SYMTYPE)
                entry.linkname = goal
                tar.addfile(entry)

    def _file(self, tar: tarfile.TarFile, name: str, source: Path) -> None:
        """Times are kept: Python believes compiled modules only when they fit their source."""
        status = source.stat()
        entry = _entry(name, 0o755 if os.access(source, os.X_OK) else 0o644, tarfile.REGTYPE)
        entry.size, entry.mtime = status.st_size, int(status.st_mtime)
        with source.open("rb") as content:
            tar.addfile(entry, content)

    def _all_folders(self) -> dict[str, int]:
        names = (*self.files, *self.texts, *self.links)
        above = {str(parent): 0o755 for name in names for parent in PurePosixPath(name).parents if str(parent) != "."}
        return {**above, **self.folders}


def _entry(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type = mode, kind
    return entry


@dataclass(frozen=True)
class Start:
    """How a container of the image is started."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """As the image format spells it."""
        variables = {"PATH": SEARCH, **self.environment}
        return {
            "Env": [f"{key}={value}" for key, value in variables.items()],
            "WorkingDir": "/",
            **({"Entrypoint": list(self.entrypoint)} if self.entrypoint else {}),
            **({"Cmd": list(self.command)} if self.command else {}),
            **({"User": self.user} if self.user else {}),
        }


def write_image(target: Path, reference: str, layers: Sequence[Layer], start: Start) -> None:
    """Write a tar file that `ctr images import` takes; nothing is compressed, since nothing is sent anywhere."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tarfile.open(partial, "w") as archive:
            described = [_add_layer(archive, layer, partial.with_suffix(".layer")) for layer in layers]
            platform = {"architecture": ARCHITECTURES[os.uname().machine], "os": "linux"}
            digests = [one["digest"] for one in described]
            config = _add(
                archive, {**platform, "rootfs": {"type": "layers", "diff_ids": digests}, "config": start.config()}, _media("config.v1+json")
            )
            content = {"schemaVersion": 2, "mediaType": _media("manifest.v1+json"), "config": config, "layers": described}
            manifest = _add(archive, content, _media("manifest.v1+json"))
            names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rpartition(":")[2]}
            index = {"schemaVersion": 2, "manifests": [{**manifest, "platform": platform, "annotations": names}]}
            _add_bytes(archive, "index.json", json.dumps(index).encode())
            _add_bytes(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _media(kind: str) -> str:
    return f"application/vnd.oci.image.{kind}"


def _add_layer(archive: tarfile.TarFile, layer: Layer, scratch: Path) -> dict[str, Any]:
    try:
        with scratch.open("w+b") as file:
            layer.write(file)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            file.seek(0)
            entry = tarfile.TarInfo(f"blobs/sha256/{digest}")
            entry.size = size
            archive.addfile(entry, file)
    finally:
        scratch.unlink(missing_ok=True)
    return {"mediaType": _media("layer.v1.tar"), "digest": f"sha256:{digest}", "size": size}


def _add(archive: tarfile.TarFile, content: dict[str, Any], media: str) -> dict[str, Any]:
    data = json.dumps(content).encode()
    digest = hashlib.sha256(data).hexdigest()
    _add_bytes(archive, f"blobs/sha256/{digest}", data)
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))

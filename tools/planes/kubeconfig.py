"""Writing kubeconfigs: self-contained, so that one file may be copied, mounted or handed to another process."""

import base64
from pathlib import Path
from typing import Any

import yaml

from tools.planes.pki import Pair


def client_certificate(pair: Pair) -> dict[str, Any]:
    """Credentials of a user known by certificate."""
    return {"client-certificate-data": _inline(pair.certificate), "client-key-data": _inline(pair.key)}


def bearer_token(token: str) -> dict[str, Any]:
    """Credentials of a user known by token, such as a service account."""
    return {"token": token}


def write(path: Path, *, cluster: str, server: str, ca: Path, user: str, credentials: dict[str, Any]) -> Path:
    """Write a kubeconfig with a single context, named after the cluster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": _inline(ca)}}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()

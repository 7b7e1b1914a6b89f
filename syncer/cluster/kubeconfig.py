"""Reading a kubeconfig file, in the open for the host's and strictly for a tenant's.

A tenant's kubeconfig may come from people who do not own this process, and a kubeconfig is a program: it can name commands to run, proxies to go
through and files to send away. The strict reader knows a few fields and refuses every other one by name.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from syncer.core.errors import StartupError

_MOST = 1 << 20
_IGNORED = {"extensions", "disable-compression"}
_CLUSTER = {"server", "certificate-authority", "certificate-authority-data", "tls-server-name"} | _IGNORED
_USER = {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile"} | _IGNORED
_WHY = {
    "exec": "it would run a command on this machine",
    "auth-provider": "it would run code of a plugin here",
    "proxy-url": "it would send the credentials through somebody else",
    "insecure-skip-tls-verify": "anybody on the way could be the server",
    "username": "passwords are not supported by API servers any more",
    "password": "passwords are not supported by API servers any more",
}
_OWN_TOKENS = ("/var/run/secrets/kubernetes.io", "/run/secrets/kubernetes.io", "/proc", "/dev")


class _Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them expand to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The cluster and the user that the current context names."""

    path: Path
    cluster_name: str
    user_name: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]

    def refuse(self, entry: str, field: str, why: str, then: str) -> StartupError:
        """An error about one field: where it is, what is wrong with it, what to do."""
        name = self.cluster_name if entry == "cluster" else self.user_name
        return StartupError(f"kubeconfig {self.path}: {entry} {name!r}: {field}: {why}. {then}")

    def content(self, entry: str, field: str) -> tuple[bytes | None, Path | None]:
        """PEM given inline (`<field>-data`) or as a file; the file's path comes with it."""
        fields = self.cluster if entry == "cluster" else self.user
        inline, file = fields.get(f"{field}-data"), fields.get(field)
        if inline:
            try:
                return base64.b64decode(str(inline), validate=True), None
            except (binascii.Error, ValueError) as error:
                raise self.refuse(entry, f"{field}-data", "is not base64", "Write the PEM text in base64, without line breaks.") from error
        if not file:
            return None, None
        return self.file(entry, field, str(file))

    def file(self, entry: str, field: str, name: str) -> tuple[bytes, Path]:
        """A file named in the kubeconfig, relative to it."""
        path = self.path.parent / name
        try:
            with path.open("rb") as opened:
                return opened.read(_MOST), path
        except OSError as error:
            then = "Correct the path, or put the content into the kubeconfig."
            raise self.refuse(entry, field, f"cannot read {path}: {error.strerror}", then) from error


def read(path: str | Path) -> Kubeconfig:
    """The file's current context. Raises StartupError, also for what is no kubeconfig at all."""
    path = Path(path).expanduser()
    document = _document(path)
    context_name = document.get("current-context")
    if not isinstance(context_name, str) or not context_name:
        raise StartupError(f"kubeconfig {path}: no current-context. Set it: kubectl config use-context NAME --kubeconfig {path}")
    context = _named(path, document, "contexts", "context", context_name)
    names = {}
    for field in ("cluster", "user"):
        name = context.get(field)
        if not isinstance(name, str) or not name:
            raise StartupError(f"kubeconfig {path}: context {context_name!r} names no {field}. Add `{field}: NAME` to it.")
        names[field] = name
    cluster = _named(path, document, "clusters", "cluster", names["cluster"])
    user = _named(path, document, "users", "user", names["user"])
    made = Kubeconfig(path, names["cluster"], names["user"], cluster, user)
    _check_server(made)
    return made


def _document(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST + 1)
    except FileNotFoundError as error:
        raise StartupError(f"kubeconfig {path}: no such file. Give the path of one that exists.") from error
    except OSError as error:
        raise StartupError(f"kubeconfig {path}: cannot read it: {error.strerror}. Give this user the right to read it.") from error
    if len(text) > _MOST:
        raise StartupError(f"kubeconfig {path}: larger than 1 MiB, which no kubeconfig is. Give the path of a kubeconfig.")
    try:
        document = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise StartupError(f"kubeconfig {path}{where}: not YAML that can be read here: {problem}. Write it as kubectl does.") from error
    if not isinstance(document, dict):
        raise StartupError(f"kubeconfig {path}: is not a kubeconfig (no mapping at its top). Give the path of a kubeconfig.")
    return document


def _named(path: Path, document: Mapping[str, Any], section: str, field: str, name: str) -> Mapping[str, Any]:
    entries = document.get(section)
    if not isinstance(entries, list):
        raise StartupError(f"kubeconfig {path}: `{section}` is not a list. Write it as kubectl does.")
    found = [entry.get(field) for entry in entries if isinstance(entry, dict) and entry.get("name") == name]
    if len(found) != 1:
        amount = "more than one entry" if found else "no entry"
        raise StartupError(f"kubeconfig {path}: {amount} named {name!r} under `{section}`. Exactly one is needed.")
    value = found[0] if found[0] is not None else {}
    if not isinstance(value, dict):
        raise StartupError(f"kubeconfig {path}: {field} {name!r} is not a mapping. Write it as kubectl does.")
    return value


def _check_server(config: Kubeconfig) -> None:
    server = config.cluster.get("server")
    then = "Give it as https://HOST:PORT."
    if not isinstance(server, str) or not server:
        raise config.refuse("cluster", "server", "is missing", then)
    try:
        url = urlsplit(server)
        valid = url.scheme in ("https", "http") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise config.refuse("cluster", "server", "is no URL of a server", then)


def check_strictly(config: Kubeconfig) -> None:
    """Raises StartupError for everything a tenant's kubeconfig must not hold."""
    for entry, fields, known in (("cluster", config.cluster, _CLUSTER), ("user", config.user, _USER)):
        for field, value in fields.items():
            if field not in known and value not in (None, False, "", [], {}):
                why = _WHY.get(str(field), "is not known here")
                raise config.refuse(
                    entry, str(field), f"is not allowed in a tenant's kubeconfig: {why}", "Remove it; use a client certificate and key, or a token."
                )
            if field in known - _IGNORED and not isinstance(value, str):
                raise config.refuse(entry, str(field), "is not text", "Write it as kubectl does.")
    url = urlsplit(config.cluster["server"])
    if url.scheme != "https" or url.username or url.password or url.query or url.fragment:
        raise config.refuse("cluster", "server", "must be https, without user, query and fragment", "Give it as https://HOST:PORT.")
    _check_token_file(config)


def _check_token_file(config: Kubeconfig) -> None:
    """Our own token must not be what we send to a tenant."""
    name = config.user.get("tokenFile")
    if name:
        path = os.path.realpath(config.path.parent / name)
        if path.startswith(_OWN_TOKENS) or str(config.path.parent / name).startswith(_OWN_TOKENS):
            why = "names a file that may hold the credentials of this pod on the host"
            raise config.refuse("user", "tokenFile", why, "Put the tenant's token into the kubeconfig, or into a file elsewhere.")

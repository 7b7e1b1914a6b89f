"""Where credentials come from: a tenant's kubeconfig, read by ourselves; the host's kubeconfig or the pod's service account, read by the library."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from syncer.cluster.credentials import Loaded
from syncer.cluster.kubeconfig import Kubeconfig, check_strictly, read
from syncer.cluster.lightclient import library
from syncer.cluster.tls import Material
from syncer.core.errors import StartupError

_RENEW_EVERY = 60.0


class StrictKubeconfig:
    """A tenant's kubeconfig."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).expanduser()
        self.origin = f"kubeconfig {self._path}"

    async def load(self, *, forced: bool = False) -> Loaded:
        config = read(self._path)
        check_strictly(config)
        ca, ca_file = config.content("cluster", "certificate-authority")
        certificate, certificate_file = config.content("user", "client-certificate")
        key, key_file = config.content("user", "client-key")
        token, token_file = _token(config)
        if (certificate is None) != (key is None):
            missing = "client-key" if key is None else "client-certificate"
            raise config.refuse("user", missing, "is missing", "A client certificate and its key belong together.")
        if not token and certificate is None:
            raise config.refuse("user", "client-certificate or token", "is missing", "Give a client certificate with its key, or a token.")
        files = (self._path, ca_file, certificate_file, key_file, token_file)
        return Loaded(
            server=config.cluster["server"],
            material=Material(ca, certificate, key, config.cluster.get("tls-server-name") or None),
            authorization=f"Bearer {token}" if token else "",
            files=tuple(file for file in files if file is not None),
        )


def _token(config: Kubeconfig) -> tuple[str, Path | None]:
    if config.user.get("token"):
        return str(config.user["token"]).strip(), None
    if not config.user.get("tokenFile"):
        return "", None
    content, path = config.file("user", "tokenFile", str(config.user["tokenFile"]))
    return content.decode("utf-8", "replace").strip(), path


class LibraryKubeconfig:
    """The host's kubeconfig, with all that it may hold: exec plugins, auth providers, proxies."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).expanduser()
        self.origin = f"kubeconfig {self._path}"
        self._config: Kubeconfig | None = None
        self._loader: Any = None
        self._configuration: Any = None

    async def load(self, *, forced: bool = False) -> Loaded:
        config = read(self._path)
        try:
            if forced or config != self._config:
                self._configuration = library().configuration()
                self._loader = await library().config.load_kube_config(
                    config_file=str(self._path), client_configuration=self._configuration, persist_config=False, temp_file_path=_memory_folder()
                )
                self._config = config
            else:
                # The same loader remembers until when the plugin's answer is good, and does not run it before.
                await self._loader.load_and_set(self._configuration)
            files = (self._path, *_named_files(config))
            return await _loaded(self._configuration, files, renew_in=_RENEW_EVERY if self._runs_out(config) else None)
        except StartupError:
            raise
        except Exception as error:
            then = f"Check that `kubectl --kubeconfig {self._path} version` works."
            raise StartupError(f"{self.origin}: user {config.user_name!r}: {type(error).__name__}: {str(error)[:500]}. {then}") from error
        finally:
            _remove_traces()

    def _runs_out(self, config: Kubeconfig) -> bool:
        """Whether the library knows of an end of the credentials. A plugin that names none is asked again when the server refuses its answer."""
        return "auth-provider" in config.user or hasattr(self._loader, "exec_plugin_expiry")


class ServiceAccount:
    """The service account of the pod this process runs in."""

    origin = "service account of this pod"

    def __init__(self, folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")) -> None:
        self.token, self._ca = folder / "token", folder / "ca.crt"

    async def load(self, *, forced: bool = False) -> Loaded:
        configuration = library().configuration()
        try:
            library().config.load_incluster_config(
                client_configuration=configuration, token_filename=str(self.token), cert_filename=str(self._ca), try_refresh_token=False
            )
        except library().config.ConfigException as error:
            raise StartupError(
                f"no kubeconfig was given, and this is no pod with a service account ({str(error).rstrip('.')}). "
                f"Give --host-kubeconfig, or mount the service account's token."
            ) from error
        return await _loaded(configuration, (self.token, self._ca), renew_in=None)


async def _loaded(configuration: Any, files: tuple[Path, ...], *, renew_in: float | None) -> Loaded:
    scheme, _, secret = str(await configuration.get_api_key_with_prefix("BearerToken") or "").strip().partition(" ")
    return Loaded(
        server=configuration.host,
        material=Material(
            _bytes(configuration.ssl_ca_cert),
            _bytes(configuration.cert_file),
            _bytes(configuration.key_file),
            configuration.tls_server_name or None,
            bool(configuration.verify_ssl),
        ),
        authorization=f"{scheme} {secret.strip()}" if secret else "",
        proxy=configuration.proxy or None,
        files=files,
        renew_in=renew_in,
    )


def _bytes(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None


def _named_files(config: Kubeconfig) -> list[Path]:
    named = [config.cluster.get("certificate-authority"), *(config.user.get(field) for field in ("client-certificate", "client-key", "tokenFile"))]
    return [config.path.parent / str(name) for name in named if name]


def _memory_folder() -> str | None:
    """Where the library may put inline keys for the moment it takes to read them: in memory if possible, never in the way of a read-only root."""
    folder = "/dev/shm"
    return folder if os.access(folder, os.W_OK) else None


def _remove_traces() -> None:
    """The library keeps the keys it unpacks in files until the process ends; nobody needs them once they are loaded."""
    with contextlib.suppress(AttributeError, OSError):
        library().config.kube_config._cleanup_temp_files()

"""TLS contexts from bytes in memory."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Material(NamedTuple):
    """What a context is made of. Compared as a whole: the same material needs no new context and no new connections."""

    ca: bytes | None = None
    """PEM; None: the authorities the system trusts."""
    certificate: bytes | None = None
    key: bytes | None = None
    server_name: str | None = None
    verify: bool = True


class BadMaterial(ValueError):
    """The CA, the certificate or the key cannot be used; the message says which."""


def context(material: Material) -> ssl.SSLContext:
    """A client context that trusts exactly what the material says."""
    try:
        made = ssl.create_default_context(cadata=None if material.ca is None else material.ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise BadMaterial(f"the CA certificate is not usable PEM ({_words(error)})") from error
    # Authorities made by kubeadm, k3s and others lack extensions that newer Pythons insist on by default and the Go client does not.
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not material.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if material.certificate is not None and material.key is not None:
        _load_pair(made, material.certificate, material.key)
    return made


def _load_pair(made: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    with _file_of(certificate + b"\n" + key) as path:
        try:
            made.load_cert_chain(path, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise BadMaterial(f"the client certificate and key are not a usable pair of PEM ({_words(error)})") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is nobody to ask for the password")


@contextmanager
def _file_of(content: bytes) -> Iterator[str]:
    """A path to read the content from. OpenSSL wants a file; one that lives in memory only keeps the key off every disk."""
    try:
        descriptor = os.memfd_create("pair")
    except (AttributeError, OSError):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    with os.fdopen(descriptor, "wb") as memory:
        memory.write(content)
        memory.flush()
        yield f"/proc/self/fd/{descriptor}"


def _words(error: Exception) -> str:
    return (getattr(error, "reason", None) or str(error) or type(error).__name__).replace("_", " ").lower()

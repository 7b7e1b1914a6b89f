"""A minimal HTTPS client for one kube-apiserver: what starting a control plane needs, without kubectl's start-up time."""

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.planes.errors import PlaneError
from tools.planes.pki import Pair

JSON = "application/json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


class ApiStatusError(PlaneError):
    """The server answered, but not with what was asked for."""

    def __init__(self, request: str, code: int, content: str) -> None:
        super().__init__(f"{request}: {code} {content[:500]}")
        self.code = code
        self.content = content


class Api:
    """Requests with a client certificate; never through a proxy, since the server is on loopback."""

    def __init__(self, server: str, ca: Path, client: Pair) -> None:
        address = urllib.parse.urlsplit(server)
        self._host, self._port = str(address.hostname), int(address.port or 443)
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._tls.load_cert_chain(client.certificate, client.key)

    def request(self, method: str, path: str, body: Any = None, *, kind: str = JSON, timeout: float = 30.0) -> bytes:
        """Send one request and return the body, or raise with the code and the server's message."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=timeout)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": kind})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise ApiStatusError(f"{method} {path}", response.status, content.decode(errors="replace"))
        return content

    def get(self, path: str) -> Any:
        """Read one object or list."""
        return json.loads(self.request("GET", path))

    def create(self, path: str, body: dict[str, Any]) -> None:
        """Create an object; one that is there already is fine, since a named control plane may be started again."""
        with _tolerating(http.HTTPStatus.CONFLICT):
            self.request("POST", path, body)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Create something and return the answer."""
        return json.loads(self.request("POST", path, body))

    def patch(self, path: str, body: dict[str, Any]) -> None:
        """Change an object, or a subresource of it, by strategic merge; an object that is gone by now is fine."""
        with _tolerating(http.HTTPStatus.NOT_FOUND):
            self.request("PATCH", path, body, kind=STRATEGIC_PATCH)

    def delete(self, path: str) -> None:
        """Delete an object that may be gone already."""
        with _tolerating(http.HTTPStatus.NOT_FOUND):
            self.request("DELETE", path)

    def exists(self, path: str) -> bool:
        """Whether there is an object."""
        with _tolerating(http.HTTPStatus.NOT_FOUND):
            self.request("GET", path)
            return True
        return False

    def readiness(self) -> str:
        """An empty string when the server says it is ready, otherwise what it says instead."""
        try:
            self.request("GET", "/readyz", timeout=5.0)
        except ApiStatusError as error:
            failing = [line.split()[0].removeprefix("[-]") for line in error.content.splitlines() if line.startswith("[-]")]
            return f"not ready: {', '.join(failing)}" if failing else str(error)
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        return ""


@contextmanager
def _tolerating(code: int) -> Iterator[None]:
    try:
        yield
    except ApiStatusError as error:
        if error.code != code:
            raise

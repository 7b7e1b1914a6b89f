"""The few things done to etcd directly, through its JSON gateway."""

import base64
import json
import urllib.request
from typing import Any

# Loopback only, so never through a proxy that the environment may name.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EtcdGateway:
    """The HTTP side of one etcd."""

    def __init__(self, url: str) -> None:
        self.url = url

    def health(self) -> str:
        """An empty string when etcd answers for itself, otherwise what it says instead."""
        try:
            with _opener.open(f"{self.url}/health", timeout=5) as answer:
                healthy = json.load(answer).get("health") == "true"
        except OSError as error:
            return str(error)
        return "" if healthy else "unhealthy"

    def compact(self) -> int:
        """Forget all revisions but the newest and return it."""
        anything = base64.b64encode(b"\0").decode()
        answer = self._call("kv/range", {"key": anything, "range_end": anything, "limit": 1, "keys_only": True})
        revision = int(answer["header"]["revision"])
        self._call("kv/compaction", {"revision": str(revision), "physical": True})
        return revision

    def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/v3/{method}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with _opener.open(request, timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
        return content

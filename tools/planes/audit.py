"""The audit log as an oracle: what really reached the API server, from whom and with which content."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

# Writes are kept with request and response, reads as one line. Renewed leases are noise unless they are created or deleted.
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/metrics", "/version", "/openapi/*"]},
        {"level": "Metadata", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "RequestResponse", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "Metadata"},
    ],
}


class AuditLog:
    """The audit log file of one API server."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.log"
        self._policy = folder / "audit-policy.yaml"

    def flags(self) -> list[str]:
        """Write the policy and return the flags that switch the log on; never rotated, since an oracle must not forget."""
        self._policy.write_text(yaml.safe_dump(POLICY, sort_keys=False))
        return [
            f"--audit-policy-file={self._policy}",
            f"--audit-log-path={self.path}",
            "--audit-log-maxsize=100000",
        ]

    def position(self) -> int:
        """Where the log ends now; pass it to `entries` to see only what happens from here on."""
        return self.path.stat().st_size if self.path.exists() else 0

    def entries(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the complete entries after a position; a line still being written is left for the next reader."""
        if not self.path.exists():
            return
        with self.path.open("rb") as log:
            log.seek(after)
            for line in log:
                if line.endswith(b"\n"):
                    yield json.loads(line)

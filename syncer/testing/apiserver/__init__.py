"""An API server in memory: `store` is its etcd, `server` its verbs, `watch` its streams; `defaults`, `admission`, `rules`, `pods`, `services`,
`deletion` and `tokens` say what it does with the kinds the syncer deals in. `cluster` puts all of it behind the engine's `Api`, with faults."""

from syncer.testing.apiserver.cluster import Client, SimulatedCluster
from syncer.testing.apiserver.requests import Request
from syncer.testing.apiserver.store import Snapshot

__all__ = ["Client", "Request", "SimulatedCluster", "Snapshot"]

"""An API server in memory.

`store` is its etcd, `server` its verbs, `pages` and `watch` its lists and streams. What it does with objects is in `metadata`, `shape`, `defaults`,
`admission`, `rules`, `updates`, `subresources` and `deletion`, and by kind in `pods`, `resize`, `services` and `tokens`. `cluster` puts all of it
behind the engine's `Api`: with time, a log of `requests`, and the faults of `trouble`; `hands` is how a test acts beside the syncer.
"""

from syncer.testing.apiserver.client import Client
from syncer.testing.apiserver.cluster import SimulatedCluster
from syncer.testing.apiserver.requests import Request
from syncer.testing.apiserver.store import Snapshot

__all__ = ["Client", "Request", "SimulatedCluster", "Snapshot"]

"""Talks to ONE API server; the only importer of kubernetes_asyncio. Bytes and plain dictionaries in and out.

`api` says what the engine may ask of a cluster and `wire` how objects are held. `connect` leads from a kubeconfig to a connection (`kubeconfig`,
`sources`, `credentials`, `certificate`, `tls`, `lightclient`); `transport` is the `Api` over HTTPS (`channel`, `limiter`, `lines`, `pages`,
`failures`); `reflector` keeps a list current (`intake`, `picture`, `store`, `mishaps`, `backoff`); `election` holds the Lease.
"""

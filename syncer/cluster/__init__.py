"""Talks to ONE API server; the only importer of kubernetes_asyncio. Bytes and plain dictionaries in and out.

`api` says what the engine may ask of a cluster, `wire` how objects are held, `connect` loads credentials, `transport` sends requests,
`reflector` keeps a list current, `election` holds the Lease.
"""

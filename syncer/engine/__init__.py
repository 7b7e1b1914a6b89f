"""Makes the plan real.

One event's way: a reflector changes a store → `routing` turns the change into keys (and keeps the demand index) → `queue` holds each key once →
a worker in `run` asks `reconcile`, which builds a Case from the caches and lets `core.decide` make a plan → `guard` looks at deletions →
`execute` sends the writes. The echo of a write comes back by the watch; when both sides agree the plan is empty.
"""

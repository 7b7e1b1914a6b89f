"""Tells people about the syncer: log lines, metrics, health, and tasks that come up again after a crash.

    log         structlog set-up; control characters escaped, secrets and object bodies left out
    families    the metrics as data: name, type, labels, meaning; docs/metrics.md is made from them
    counting    counters and histograms that cost a dictionary look-up
    metrics     what the rest of the syncer calls, and the scrape
    gauges      what is read off the running engine when somebody scrapes
    health      named checks behind /livez and /readyz
    watchdog    notices a blocked event loop from outside of it
    http        serves all that
    supervise   runs a coroutine function for ever

Knows `syncer.core` and nothing else of the syncer: whatever else is looked at comes in as a callable or behind a Protocol.
"""

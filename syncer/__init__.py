"""The per-tenant daemon.

`core` is pure and knows the rules, `cluster` talks to one API server, `engine` makes the plan real, `policy` says what may cross,
`observe` tells people about it. Imports go downwards only: app → engine → cluster → core.
"""

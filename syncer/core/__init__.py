"""Pure: no await, no clock, no logger, no Kubernetes client.

`names` maps names, `stamp` says what is ours, `translator` is the record a kind is described by, `decide` discusses existence, `project`
discusses fields, `actions` are the writes that come out.
"""

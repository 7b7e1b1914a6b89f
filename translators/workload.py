"""The identity host pods run under."""

WORKLOAD_SERVICE_ACCOUNT = "kled-workload"
"""A host ServiceAccount without rights and without automount, in every workload namespace; never the host's `default`, to which a host
administrator may have bound roles."""

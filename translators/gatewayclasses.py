"""GatewayClasses: those of the host that a tenant's Gateways may name, without their parameters, which are objects of the host."""

from __future__ import annotations

from syncer.core.objects import GATEWAYCLASSES as GATEWAYCLASS_KIND
from translators.classes import host_class

GATEWAYCLASSES = host_class(
    GATEWAYCLASS_KIND,
    ("spec.controllerName", "spec.description", "status.conditions", "status.supportedFeatures"),
    immutable=("spec.controllerName",),
    optional=True,
)

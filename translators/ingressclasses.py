"""IngressClasses: those of the host that a tenant's Ingresses may name, without their parameters, which are objects of the host.

`spec.controller` is required and shown as it is. A tenant that runs an ingress controller of its own makes an IngressClass of its own for it: its
Ingresses then stay in the tenant.
"""

from __future__ import annotations

from syncer.core.objects import INGRESSCLASSES as INGRESSCLASS_KIND
from translators.classes import host_class

DEFAULT_MARK = "ingressclass.kubernetes.io/is-default-class"

INGRESSCLASSES = host_class(INGRESSCLASS_KIND, ("spec.controller",), default_mark=DEFAULT_MARK, immutable=("spec.controller",))

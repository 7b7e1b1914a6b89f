"""The name a pod has for itself.

`hostname` in the container is the tenant pod's name (or `spec.hostname`) in all mappings. The domain is different: the kubelet builds the FQDN in
/etc/hosts from `spec.subdomain` and the *host* namespace, and nothing in the API lets us say another one without also changing what `hostname`
prints. So `subdomain` crosses only where the host namespace is called the same. Elsewhere `hostname -f` gives the short name; names in DNS
(`web-0.nginx.default.svc...`) come from the tenant's endpoints and are right in any case. With `setHostnameAsFQDN` the FQDN *is* the host name, which
`hostnameOverride` (on by default since 1.35) can say exactly.
"""

from __future__ import annotations

from typing import Any

from syncer.core.names import is_label
from translators.pods.work import Work

_LONGEST = 63


def truncated(name: str) -> str:
    """As the kubelet cuts it (truncatePodHostnameIfNeeded)."""
    return name if len(name) <= _LONGEST else name[:_LONGEST].rstrip("-.")


def naming(work: Work) -> dict[str, Any]:
    """`hostname`, `subdomain`, `setHostnameAsFQDN` and `hostnameOverride` of the host pod, as far as they are wanted."""
    spec = work.spec
    if spec.get("hostnameOverride") is not None:
        return {"hostnameOverride": spec["hostnameOverride"]}
    hostname, subdomain, as_fqdn = spec.get("hostname"), spec.get("subdomain"), spec.get("setHostnameAsFQDN")
    made: dict[str, Any] = {}
    if hostname:
        made["hostname"] = hostname
    elif work.host_name != work.name and not spec.get("hostNetwork"):
        own = truncated(work.name)
        made["hostname" if is_label(own) else "hostnameOverride"] = own
    if not subdomain:
        return made
    if work.host_namespace == work.namespace:
        return {**made, "subdomain": subdomain, **({"setHostnameAsFQDN": True} if as_fqdn else {})}
    if not as_fqdn or spec.get("hostNetwork"):
        return made
    fqdn = f"{truncated(hostname or work.name)}.{subdomain}.{work.namespace}.svc.{work.settings.tenant.cluster_domain}"
    if len(fqdn) > _LONGEST:
        work.refuse("spec.setHostnameAsFQDN", f"the name {fqdn!r} is longer than {_LONGEST} characters, the limit of a host name")
    return {"hostnameOverride": fqdn}

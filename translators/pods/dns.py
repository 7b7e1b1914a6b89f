"""DNS of a pod: what the tenant's kubelet would write into resolv.conf (pkg/kubelet/network/dns, GetPodDNS)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from syncer.core.actions import MISSING_DNS
from syncer.core.objects import Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import ObjectNeed
from translators.pods.shapes import SHAPES
from translators.pods.work import Work

# Limits of the API's validation, which are the kubelet's own.
_NAMESERVERS, _SEARCHES, _SEARCH_CHARACTERS = 3, 32, 2048


@lru_cache(maxsize=16)
def _service_need(dns: str) -> ObjectNeed:
    namespace, _, name = dns.partition("/")
    return ObjectNeed(Side.TENANT, Ref("services", namespace, name))


def service_need(settings: Settings) -> ObjectNeed:
    return _service_need(settings.tenant.dns)


def uses_cluster_dns(spec: Mapping[str, Any]) -> bool:
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    return policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork"))


def dns(work: Work) -> dict[str, Any]:
    """`dnsPolicy` and `dnsConfig` of the host pod."""
    spec = work.spec
    config = spec.get("dnsConfig")
    config = SHAPES["PodDNSConfig"].clean(work, config, "spec.dnsConfig") if config else {}
    policy = "None" if spec.get("dnsPolicy") == "None" else "Default"
    if uses_cluster_dns(spec):
        service = work.view.get(service_need(work.settings))
        address = ((service or {}).get("spec") or {}).get("clusterIP")
        if address and address != "None":
            return {"dnsPolicy": "None", "dnsConfig": _merged(work, address, config)}
        text = f"the tenant has no DNS service {work.settings.tenant.dns}, so this pod uses the resolver of its node (dnsPolicy Default)"
        work.notes.append((MISSING_DNS, text))
    return {"dnsPolicy": policy, "dnsConfig": config} if config else {"dnsPolicy": policy}


def _merged(work: Work, address: str, config: Mapping[str, Any]) -> dict[str, Any]:
    domain = work.settings.tenant.cluster_domain
    searches = [f"{work.namespace}.svc.{domain}", f"svc.{domain}", domain]
    options: dict[str, Any] = {"ndots": "5"}
    for option in config.get("options") or ():
        options[option.get("name", "")] = option.get("value")
    return {
        "nameservers": _unique([address, *(config.get("nameservers") or ())])[:_NAMESERVERS],
        "searches": _within_limits(_unique([*searches, *(config.get("searches") or ())])),
        "options": [{"name": name, "value": value} if value else {"name": name} for name, value in options.items()],
    }


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _within_limits(searches: list[str]) -> list[str]:
    kept, used = [], 0
    for search in searches[:_SEARCHES]:
        used += len(search) + 1
        if used > _SEARCH_CHARACTERS:
            break
        kept.append(search)
    return kept

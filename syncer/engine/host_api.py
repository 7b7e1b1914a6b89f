"""Where the host's API server answers, so that nothing of a tenant can be pointed there (`translators.endpoint_addresses`).

Its ClusterIP lies in the host's service range, which is known anyway. The addresses behind it are in the EndpointSlice `default/kubernetes`, the one
object outside of its namespaces that the syncer may read. They are read once per term of leadership.
"""

from __future__ import annotations

import structlog

from syncer.cluster.api import Api
from syncer.core.errors import LeadershipLost, SyncerError
from syncer.core.objects import ENDPOINTSLICES
from syncer.core.settings import Settings

log = structlog.get_logger()


async def host_api(host: Api, settings: Settings) -> tuple[str, ...]:
    """The addresses; none when EndpointSlices are not synced, or when they cannot be read."""
    if ENDPOINTSLICES.plural not in settings.kinds:
        return ()
    try:
        found = (await host.get(ENDPOINTSLICES, "default", "kubernetes")).obj()
    except LeadershipLost:
        raise
    except SyncerError as error:
        next_step = "apply `kled-syncer rbac --side host` anew, or list its addresses under policy.denyEndpoints"
        log.warning("host_api_addresses_unknown", error=str(error)[:300], next_step=next_step)
        return ()
    return tuple(str(address) for endpoint in found.get("endpoints") or () for address in endpoint.get("addresses") or ())

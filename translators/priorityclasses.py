"""PriorityClasses: those of the host that a tenant's pods may have, up to a cap.

Inside the tenant its own classes mean what they say: its scheduler preempts its own pods by them. On the host all of that is one priority, that of
pods without a class, unless the host's administrator offers classes: by name (`names` of `priorityclasses`), shown in the tenant under the same
name, or one by one (`policy.priorityClasses`, a table from tenant to host names). A class that the tenant makes itself never crosses, whatever its
value.

What is offered by name is capped by `policy.maxPriority` (default 0): who has no higher priority than others preempts nobody and is not the last to
be evicted from a full node. The system's own classes (`system-…`) are never offered. `globalDefault` is not shown: which class a pod without one gets
is decided by the tenant.
"""

from __future__ import annotations

from dataclasses import replace

from syncer.core.objects import PRIORITYCLASSES as PRIORITYCLASS_KIND
from syncer.core.objects import Obj
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Skip, View
from translators.classes import host_class, is_shown

FIELDS = ("value", "preemptionPolicy", "description")
SYSTEM = "system-"
_SHOWN = host_class(PRIORITYCLASS_KIND, FIELDS, immutable=("value", "preemptionPolicy"))


def up(host: Obj, view: View) -> Answer:
    if (reason := kept_back(host, view.settings)) is not None:
        return Skip(reason)
    assert _SHOWN.up is not None
    return _SHOWN.up(host, view)


def kept_back(host: Obj, settings: Settings) -> str | None:
    """Why this class of the host is not offered whatever the names say, or None."""
    cap = settings.policy.max_priority or 0
    value = host.get("value")
    if host["metadata"]["name"].startswith(SYSTEM):
        return "the system's own classes are never offered"
    if not isinstance(value, int) or value > cap:
        return f"its value is above policy.maxPriority ({cap})"
    return None


def is_offered(host: Obj | None, settings: Settings) -> bool:
    """Whether pods of the tenant may name this class of the host."""
    return host is not None and kept_back(host, settings) is None and is_shown(host, settings, PRIORITYCLASS_KIND.plural)


PRIORITYCLASSES = replace(_SHOWN, up=up)

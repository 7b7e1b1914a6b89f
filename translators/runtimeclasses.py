"""RuntimeClasses: those of the host that a tenant's pods may run with, offered by name (`names` of `runtimeclasses`).

What the tenant's admission and scheduler need is shown: the overhead, which counts against the node, the tolerations, and of the node selector the
labels that virtual nodes carry (a label that they do not carry would keep every pod from being scheduled; the host's scheduler still asks for it, and
says so when the chosen node has none). The handler is the name of a piece of software on the host's nodes and is not shown; nobody in the tenant asks
for it. A class cannot change its handler, so it is the same word for all.

`policy.runtimeClasses` maps single names by hand, and `policy.forceRuntimeClass` overrides everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncer.core.objects import RUNTIMECLASSES as RUNTIMECLASS_KIND
from syncer.core.objects import Obj
from syncer.core.settings import HostSettings, Settings
from syncer.core.translator import Answer, Draft, View
from translators.classes import host_class, is_shown
from translators.metadata import is_shown_key
from translators.node_labels import SHOWN_LABELS, SHOWN_PREFIX

HANDLER = "host"
_SHOWN = host_class(RUNTIMECLASS_KIND, ("overhead",))


def up(host: Obj, view: View) -> Answer:
    assert _SHOWN.up is not None
    answer = _SHOWN.up(host, view)
    if not isinstance(answer, Draft):
        return answer
    body = {**answer.body, "handler": HANDLER}
    if scheduling := _scheduling(host.get("scheduling") or {}, view.settings.host):
        body["scheduling"] = scheduling
    return Draft(body)


def _scheduling(found: Mapping[str, Any], host: HostSettings) -> dict[str, Any]:
    labels = {key: value for key, value in (found.get("nodeSelector") or {}).items() if _on_nodes(key, host)}
    made = {"nodeSelector": labels, "tolerations": found.get("tolerations")}
    return {key: value for key, value in made.items() if value}


def _on_nodes(key: str, host: HostSettings) -> bool:
    """Whether virtual nodes carry this label."""
    return key in SHOWN_LABELS or key.startswith(SHOWN_PREFIX) or is_shown_key(key, host)


def is_offered(host: Obj | None, settings: Settings) -> bool:
    """Whether pods of the tenant may name this class of the host."""
    return is_shown(host, settings, RUNTIMECLASS_KIND.plural)


RUNTIMECLASSES = replace(_SHOWN, up=up, host_owns=(("handler",), ("overhead",), ("scheduling",)), recreate_on=(("handler",),))

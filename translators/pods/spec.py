"""The spec of a host pod that is to be created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core.objects import SECRETS, Obj
from translators.pods import lent
from translators.pods.affinity import affinity, spreading
from translators.pods.containers import containers
from translators.pods.dns import dns
from translators.pods.hostname import naming
from translators.pods.links import links
from translators.pods.shapes import SHAPES
from translators.pods.volumes import volumes
from translators.pods.work import Work

_SPEC = SHAPES["PodSpec"]


def host_spec(work: Work, node: Obj, pod: Obj) -> dict[str, Any]:
    """The whole spec: passing fields from the table, then everything that is rewritten."""
    spec = work.spec
    made = dict(_SPEC.clean(work, spec, "spec"))
    init = spec.get("initContainers") or ()
    services = links(work, len(spec["containers"]) + len(init))
    made["containers"] = containers(work, "containers", services)
    if init:
        made["initContainers"] = containers(work, "initContainers", services)
    if spec.get("volumes"):
        made["volumes"] = volumes(work)
    made["affinity"] = affinity(work, node)
    spread = spreading(work, node)
    if spread:
        made["topologySpreadConstraints"] = spread
    made.update(dns(work))
    made.update(naming(work))
    made.update(lent.classes(work))
    if devices := lent.claims(work, pod):
        made["resourceClaims"] = devices
    secrets = pull_secrets(work)
    if secrets:
        made["imagePullSecrets"] = secrets
    made["serviceAccountName"] = lent.account(work)
    made["automountServiceAccountToken"] = False
    made["enableServiceLinks"] = False
    return made


def pull_secrets(work: Work) -> list[Mapping[str, Any]]:
    """Our copies of the tenant's, and the ones that the host's administrator provides. One that does not exist is left out: the image may be
    public, or be pulled with another one."""
    found: list[Mapping[str, Any]] = []
    for item in work.spec.get("imagePullSecrets") or ():
        name = item.get("name")
        if name and SECRETS.plural not in work.settings.kinds:
            work.drop("spec.imagePullSecrets", "secrets are not synced")
        elif name and work.exists(SECRETS, name):
            found.append({"name": work.reference(SECRETS, name)})
    found.extend({"name": name} for name in work.settings.host.image_pull_secrets)
    return found

"""`kled-syncer rbac`: the rights the syncer needs, computed from the kinds that are on."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import yaml
from cyclopts import Parameter

from syncer.cli.sources import Sources
from syncer.cluster.connect import connect
from syncer.core.objects import Side
from syncer.rbac import manifests
from translators.catalog import catalog


def rbac(
    *,
    sources: Sources | None = None,
    side: Annotated[Literal["host", "tenant"], Parameter(help="For which cluster.")],
    subject: Annotated[str | None, Parameter(help="NAMESPACE/NAME of the service account; default: the user of that side's kubeconfig.")] = None,
    output: Annotated[Literal["yaml"], Parameter(name=["--output", "-o"])] = "yaml",
) -> int:
    """Print the least rights for one cluster, to pipe into `kubectl apply -f -`."""
    loaded = (sources or Sources()).load()
    kubeconfig = loaded.process.host_kubeconfig if side == "host" else loaded.process.tenant_kubeconfig
    if subject is not None:
        namespace, _, name = subject.partition("/")
        if not namespace or not name:
            print(f"kled-syncer: --subject {subject!r} is not NAMESPACE/NAME", file=sys.stderr)
            return 64
        bound = {"kind": "ServiceAccount", "namespace": namespace, "name": name}
    elif kubeconfig is not None:
        bound = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": connect(Side(side), kubeconfig).user}
    else:
        print(f"kled-syncer: whom shall the rights be bound to? Give --subject NAMESPACE/NAME or --{side}-kubeconfig", file=sys.stderr)
        return 64
    found = manifests(Side(side), loaded.settings, tuple(catalog(loaded.settings)), bound)
    print(yaml.safe_dump_all(found, sort_keys=False, explicit_start=True), end="")
    return 0

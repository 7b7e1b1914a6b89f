"""What the tenant's scheduler must know of the host's storage to choose a node well. The host's scheduler looks again at whatever was chosen.

* CSIDriver: how a driver wants to be used, for the drivers behind the classes that the tenant may name. Whom it wants tokens for is not shown.
* CSINode: the drivers of a promoted node, and how many volumes it takes. The ids by which drivers know the machine are hashes here. Labels of the
  node by which a driver tells topologies apart are shown on the tenant's Node, too, so that its scheduler can follow the volumes.
* CSIStorageCapacity: free space, for the classes that the tenant may name, where its nodes reach it. On the host these objects lie in the namespaces
  of the drivers, which are none of the tenant's business: there all of them lie in `kube-system`, under names of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core.names import Names, digest, shortened
from syncer.core.objects import CSIDRIVERS as DRIVER_KIND
from syncer.core.objects import CSINODES as CSINODE_KIND
from syncer.core.objects import CSISTORAGECAPACITIES as CAPACITY_KIND
from syncer.core.objects import NODES, STORAGECLASSES, Obj, Side
from syncer.core.selectors import matches
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Life, ListNeed, Need, Skip, Translator, View
from translators.classes import class_need, is_shown
from translators.content import taken
from translators.pods.placement import host_node, promoted, tenant_node
from translators.storageclasses import DEFAULT_MARK

_DRIVER_FIELDS = (
    "attachRequired",
    "fsGroupPolicy",
    "podInfoOnMount",
    "requiresRepublish",
    "seLinuxMount",
    "storageCapacity",
    "volumeLifecycleModes",
)
_NODE_DRIVER_FIELDS = ("name", "topologyKeys", "allocatable")
_CAPACITY_FIELDS = ("capacity", "maximumVolumeSize", "nodeTopology")
_CAPACITY_PLACE = "kube-system"
_CLASSES = ListNeed(Side.HOST, STORAGECLASSES.plural, "", wake=True)
_HOST_NODES = ListNeed(Side.HOST, NODES.plural, "")
_TENANT_NODES = ListNeed(Side.TENANT, NODES.plural, "", wake=True)


def is_offered(host_class: Obj | None, settings: Settings) -> bool:
    """Whether the tenant may name this class of the host, by its own name or by one of the table."""
    if host_class is None:
        return False
    mapped = host_class["metadata"]["name"] in settings.policy.storage_classes.values()
    return mapped or is_shown(host_class, settings, STORAGECLASSES.plural, DEFAULT_MARK)


def tenant_class(name: str, settings: Settings) -> str:
    """What the tenant calls this class of the host."""
    return min((mine for mine, theirs in settings.policy.storage_classes.items() if theirs == name), default=name)


# --- drivers


def _driver_needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    yield _CLASSES


def _driver(host: Obj, view: View) -> Answer:
    name = host["metadata"]["name"]
    if not any(one.get("provisioner") == name and is_offered(one, view.settings) for one in view.list(_CLASSES)):
        return Skip("behind no class that the tenant may name")
    return Draft({"spec": taken(host.get("spec") or {}, _DRIVER_FIELDS)})


CSIDRIVERS = Translator(
    name="csidrivers",
    source=DRIVER_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=tuple(("spec", key) for key in _DRIVER_FIELDS),
    recreate_on=(("spec", "attachRequired"), ("spec", "volumeLifecycleModes")),
    needs=_driver_needs,
    up=_driver,
    kind="persistentvolumes",
)


# --- nodes


def _node_needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    name = obj["metadata"]["name"]
    yield tenant_node(name)._replace(wake=True)
    yield host_node(name)


def _node(host: Obj, view: View) -> Answer:
    name = host["metadata"]["name"]
    shown = view.get(tenant_node(name))
    if shown is None or promoted(name, view) is None:
        return Skip("its node is not promoted to this cluster")
    drivers = [_node_driver(one, host, view.names.tenant) for one in (host.get("spec") or {}).get("drivers") or ()]
    owner = {"apiVersion": NODES.api_version, "kind": NODES.kind, "name": name, "uid": shown["metadata"]["uid"]}
    return Draft({"metadata": {"ownerReferences": [owner]}, "spec": {"drivers": drivers}})


def _node_driver(driver: Mapping[str, Any], host: Obj, tenant: str) -> dict[str, Any]:
    made = taken(driver, _NODE_DRIVER_FIELDS)
    return {**made, "nodeID": digest("csinode", tenant, host["metadata"]["uid"], str(driver.get("nodeID", "")))}


def topology_keys(csi_node: Obj | None) -> frozenset[str]:
    """Labels of a node by which storage drivers tell topologies apart."""
    drivers = ((csi_node or {}).get("spec") or {}).get("drivers") or ()
    return frozenset(key for driver in drivers for key in driver.get("topologyKeys") or ())


CSINODES = Translator(
    name="csinodes",
    source=CSINODE_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=(("spec", "drivers"),),
    recreate_on=(("spec", "drivers"),),
    needs=_node_needs,
    up=_node,
    kind="persistentvolumes",
)


# --- capacity


def _capacity_needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    yield class_need(STORAGECLASSES, str(obj.get("storageClassName") or ""))
    yield _HOST_NODES
    yield _TENANT_NODES


def _capacity(host: Obj, view: View) -> Answer:
    name = str(host.get("storageClassName") or "")
    if not is_offered(view.get(class_need(STORAGECLASSES, name)), view.settings):
        return Skip("of a class that the tenant may not name")
    if not any(matches(host.get("nodeTopology"), node["metadata"].get("labels") or {}) for node in _promoted_nodes(view)):
        return Skip("no node of this cluster reaches it")
    return Draft({**taken(host, _CAPACITY_FIELDS), "storageClassName": tenant_class(name, view.settings)})


def _promoted_nodes(view: View) -> Iterator[Obj]:
    for node in view.list(_TENANT_NODES):
        found = promoted(node["metadata"]["name"], view)
        if found is not None:
            yield found


def _capacity_place(names: Names, namespace: str, name: str) -> tuple[str, str]:
    """Where it is shown. Without a namespace `name` is that of a copy whose original is gone."""
    return _CAPACITY_PLACE, shortened("capacity", digest("capacity", names.tenant, namespace, name), 63) if namespace else name


CSISTORAGECAPACITIES = Translator(
    name="csistoragecapacities",
    source=CAPACITY_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=tuple((key,) for key in (*_CAPACITY_FIELDS, "storageClassName")),
    recreate_on=(("nodeTopology",), ("storageClassName",)),
    needs=_capacity_needs,
    up=_capacity,
    target_name=_capacity_place,
    everywhere=True,
    kind="persistentvolumes",
)

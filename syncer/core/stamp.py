"""The stamp: labels and annotations on every object we make, by which we know it again after a restart.

The host object is the record; there is no other store. Labels serve selection (watches, selectors confined to the tenant), annotations carry
what labels cannot hold. Nothing that a tenant writes under `kled.io/` is believed: the prefix is dropped on the way down and ignored on the way in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PREFIX = "kled.io/"
TENANT = "kled.io/tenant"
TRANSLATOR = "kled.io/translator"
NAMESPACE = "kled.io/namespace"
MANAGED_BY = "kled.io/managed-by"
SOURCE_NAMESPACE = "kled.io/source-namespace"
SOURCE_NAME = "kled.io/source-name"
SOURCE_UID = "kled.io/source-uid"
SCHEMA = "kled.io/schema"
KEYS = "kled.io/keys"
HOST_NAME = "kled.io/host-name"
PENDING = "kled.io/pending-recreate"

# On the Lease.
TENANT_UID = "kled.io/tenant-uid"
TENANT_VERSION = "kled.io/tenant-resource-version"
RELEASE = "kled.io/release-deletions"

SCHEMA_VERSION = "1"
MANAGER = "kled-syncer"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Whose object this is: the tenant, the translator that made it and the tenant object it stands for."""

    tenant: str
    translator: str
    namespace: str
    name: str
    uid: str


def replicates_label(tenant: str) -> str:
    """On a host namespace: its administrator lets Services of this tenant be shown in it."""
    return f"replicate.kled.io/{tenant}"


def is_from_host(labels: Mapping[str, str] | None) -> bool:
    """Whether a tenant object says that it shows one of the host's. A tenant may write that on its own objects, too."""
    return (labels or {}).get(MANAGED_BY) == MANAGER


def read(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Stamp | None:
    """The stamp of a host object, or None when it is not (completely) stamped, which makes it foreign."""
    tenant, translator = labels.get(TENANT), labels.get(TRANSLATOR)
    name, uid = annotations.get(SOURCE_NAME), annotations.get(SOURCE_UID)
    if not (tenant and translator and name and uid):
        return None
    return Stamp(tenant, translator, annotations.get(SOURCE_NAMESPACE, ""), name, uid)


def labels(stamp: Stamp) -> dict[str, str]:
    made = {TENANT: stamp.tenant, TRANSLATOR: stamp.translator}
    if stamp.namespace:
        made[NAMESPACE] = stamp.namespace
    return made


def annotations(stamp: Stamp) -> dict[str, str]:
    made = {SOURCE_NAME: stamp.name, SOURCE_UID: stamp.uid, SCHEMA: SCHEMA_VERSION}
    if stamp.namespace:
        made[SOURCE_NAMESPACE] = stamp.namespace
    return made


def written_keys(label_keys: Iterable[str], annotation_keys: Iterable[str]) -> str:
    """The record of the label and annotation keys that came from the tenant, so that one removed there is removed on the host."""
    return ",".join([*(f"l:{key}" for key in sorted(label_keys)), *(f"a:{key}" for key in sorted(annotation_keys))])


def read_keys(recorded: str) -> tuple[frozenset[str], frozenset[str]]:
    """The label keys and annotation keys of `written_keys`."""
    parts = recorded.split(",") if recorded else []
    return frozenset(part[2:] for part in parts if part[:2] == "l:"), frozenset(part[2:] for part in parts if part[:2] == "a:")

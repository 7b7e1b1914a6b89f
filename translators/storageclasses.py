"""StorageClasses: those of the host that a tenant may claim volumes of, without their parameters.

`provisioner` is a required field and shown as it is: nobody in the tenant runs one of that name, so the tenant's controllers leave the claims
alone. Which pool, secret or account stands behind a class is in its parameters and mount options, which stay on the host.
"""

from __future__ import annotations

from syncer.core.objects import STORAGECLASSES as STORAGECLASS_KIND
from translators.classes import host_class

DEFAULT_MARK = "storageclass.kubernetes.io/is-default-class"

STORAGECLASSES = host_class(
    STORAGECLASS_KIND,
    ("provisioner", "reclaimPolicy", "volumeBindingMode", "allowVolumeExpansion", "allowedTopologies"),
    default_mark=DEFAULT_MARK,
    immutable=("provisioner", "reclaimPolicy", "volumeBindingMode"),
)

"""VolumeSnapshotClasses: those of the host that a tenant's snapshots may name, without their parameters."""

from __future__ import annotations

from syncer.core.objects import VOLUMESNAPSHOTCLASSES as CLASS_KIND
from translators.classes import host_class

DEFAULT_MARK = "snapshot.storage.kubernetes.io/is-default-class"

VOLUMESNAPSHOTCLASSES = host_class(CLASS_KIND, ("driver", "deletionPolicy"), default_mark=DEFAULT_MARK, optional=True)

"""VolumeAttributesClasses: those of the host that a tenant's claims may name, without their parameters."""

from __future__ import annotations

from syncer.core.objects import VOLUMEATTRIBUTESCLASSES as CLASS_KIND
from translators.classes import host_class

VOLUMEATTRIBUTESCLASSES = host_class(CLASS_KIND, ("driverName",), immutable=("driverName",), optional=True)

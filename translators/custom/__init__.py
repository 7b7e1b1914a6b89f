"""Custom kinds by configuration: any CustomResourceDefinition of the host, declared under `sync.customResources`.

`record` makes the translator of a kind, `references` and `selectors` translate what its fields refer to, `owners` its owner references, `shown`
brings kinds up that the host leads, `definitions` brings the definition itself into the tenant, `suggestions` finds what was forgotten.
"""

from translators.custom.definitions import definitions
from translators.custom.record import custom_kinds

__all__ = ["custom_kinds", "definitions"]

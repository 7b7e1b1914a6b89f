"""The base of all models of the sync file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

_INITIALISMS = {"Cidr": "CIDR", "Ips": "IPs", "Ip": "IP", "Csi": "CSI"}


def key_of(name: str) -> str:
    """The key of a field: camel case with initialisms as Kubernetes writes them (`service_cidr` is `serviceCIDR`)."""
    words = [to_camel(f"x_{word}")[1:] for word in name.split("_")]
    first, *others = words
    return first.lower() + "".join(_INITIALISMS.get(word, word) for word in others)


class Section(BaseModel):
    """A mapping in the sync file: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=key_of, validate_default=False)

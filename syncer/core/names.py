"""The one mapping of names, shared by syncer, CLI and everything that shows a host name.

Guarantee: for one tenant the mapping (kind, namespace, name) → (host namespace, host name) is injective.

1. A namespace mapped one to one keeps the names of its objects. Names that the host itself makes in every namespace, and names that look as
   if we had made them, are escaped as in 2, so that a tenant cannot choose a name that an escaped one already has.
2. In a shared target namespace (and for escaped names) an object is called `<name>-x-<namespace>-x-<tenant>`, provided that this is short
   enough and can be read in one way only: `-x-` occurs in it, overlaps counted, exactly where we put it.
3. Otherwise it is `<prefix>-<digest>`: 32 hexadecimal digits (128 bits) of SHA-256 over the length-prefixed parts. The prefix never contains
   `-x-`, so that the forms 2 and 3 have nothing in common.

The length of the digest is a parameter so that tests can cut it to a few bits and look at what happens then.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

from syncer.core.objects import Resource
from syncer.core.settings import NamespaceMapping

DIGEST_LENGTH = 32
JOINER = "-x-"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def is_label(text: str) -> bool:
    """Whether `text` is a DNS label (RFC 1123), as namespaces must be."""
    return _LABEL.fullmatch(text) is not None


def digest(*parts: str, length: int = DIGEST_LENGTH) -> str:
    """Hexadecimal SHA-256 of the parts; each is preceded by its length, so that no two lists of parts read the same."""
    joined = b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode() for part in parts))
    return hashlib.sha256(joined).hexdigest()[:length]


def shortened(prefix: str, code: str, limit: int) -> str:
    """`<prefix>-<code>` within `limit` characters, free of `-x-`, the prefix without a tail that may not stand before a dash."""
    head = prefix[: limit - len(code) - 1]
    while JOINER in head:
        head = head.replace(JOINER, "-")
    head = head.rstrip("-.")
    while head.endswith("-x"):
        head = head[:-2].rstrip("-.")
    return f"{head}-{code}" if head else f"k{code}"


def _joints(text: str) -> int:
    """Occurrences of `-x-`, overlapping ones included (`-x-x-` has two)."""
    return sum(text.startswith(JOINER, i) for i in range(len(text)))


@dataclass(frozen=True)
class Names:
    """Maps tenant names to host names and recognises what cannot be mapped."""

    tenant: str
    mapping: NamespaceMapping
    reserved: frozenset[str] = frozenset({"configmaps/kube-root-ca.crt", "serviceaccounts/default"})
    digest_length: int = DIGEST_LENGTH
    _digest_form: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_digest_form", re.compile(rf"(?:.*-|k)[0-9a-f]{{{self.digest_length}}}"))
        # Both are asked several times per object; the cache lives and dies with this value.
        object.__setattr__(self, "namespace", lru_cache(4096)(self.namespace))
        object.__setattr__(self, "name", lru_cache(4096)(self.name))

    def namespace(self, namespace: str) -> str | None:
        """The host namespace, or None if the mapping does not cover this one."""
        mapping = self.mapping
        if namespace in mapping.table:
            return mapping.table[namespace]
        if mapping.pattern is not None:
            made = mapping.pattern.replace("{namespace}", namespace)
            if len(made) <= 63 and not self._digest_form.fullmatch(made):
                return None if made in mapping.closed else made
            return shortened(made, digest("namespace", self.tenant, namespace, length=self.digest_length), 63)
        return mapping.shared

    def is_shared(self, namespace: str) -> bool:
        """Whether the host namespace may hold objects of more than one tenant namespace."""
        return self.mapping.shared is not None and namespace not in self.mapping.table

    def name(self, resource: Resource, namespace: str, name: str) -> str:
        """The host name of an object of a mapped namespace (or of a cluster-scoped kind, with an empty namespace)."""
        if namespace and not self.is_shared(namespace) and not self._must_escape(resource, namespace, name):
            return name
        return self.joined(resource, namespace, name)

    def joined(self, resource: Resource, namespace: str, name: str, limit: int | None = None) -> str:
        """The suffixed form, whatever the mapping says."""
        limit = limit or resource.name_limit
        full = f"{name}{JOINER}{namespace}{JOINER}{self.tenant}" if namespace else f"{name}{JOINER}{self.tenant}"
        head = full[: -len(self.tenant)]
        if len(full) <= limit and _joints(head) == (2 if namespace else 1):
            return full
        code = digest(resource.group, resource.plural, namespace, name, self.tenant, length=self.digest_length)
        return shortened(name, code, limit)

    def derived(self, resource: Resource, namespace: str, name: str, purpose: str) -> str:
        """The name of a host object that has no tenant object of its own kind (a pod's token Secret): always with a digest, so that
        no tenant object of that kind can claim it (see `_must_escape`)."""
        code = digest(purpose, resource.plural, namespace, name, self.tenant, length=self.digest_length)
        return shortened(f"{name}-{purpose}", code, min(resource.name_limit, 253))

    def _must_escape(self, resource: Resource, namespace: str, name: str) -> bool:
        if f"{resource.plural}/{name}" in self.reserved:
            return True
        return name.endswith(f"{JOINER}{namespace}{JOINER}{self.tenant}") or self._digest_form.fullmatch(name) is not None

"""Small languages that values are written in: names, labels, addresses, durations. Each function returns what was meant or raises `Unfit`.

Nothing here knows of YAML, files or models. The models use these functions to check, `lower` uses the same ones to parse.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterable
from difflib import get_close_matches

from config.errors import Unfit
from syncer.core.names import is_label

TENANT_LIMIT = 40
HIGHEST_PRIORITY = 1_000_000_000
"""The highest that a PriorityClass may have which is not the system's own."""

_NAME_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_KEY_CHARACTERS = re.compile(r"[A-Za-z0-9._/-]+[*]?")
_QUANTITY = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([mkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
_DURATION = re.compile(r"(?:(?P<h>[0-9]{1,9})h)?(?:(?P<m>[0-9]{1,9})m)?(?:(?P<s>[0-9]{1,9}(\.[0-9]{1,9})?)s)?")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_PLURAL = re.compile(r"[a-z][a-z0-9]*")
_VOLUME_TYPE = re.compile(r"[a-z][A-Za-z]*")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; case and separators do not count."""
    folded = {fold(name): name for name in known}
    found = get_close_matches(fold(word), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def fold(word: str) -> str:
    """The word without what people get wrong first."""
    return word.lower().replace("_", "").replace("-", "")


def file_name(text: str) -> str:
    if not text:
        raise Unfit("the name of a file is expected here, found an empty text", "Write a path, or remove the key")
    return text


def dns_label(text: str) -> str:
    if not is_label(text):
        raise Unfit(f"`{text}` is not a DNS label", "Use at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends")
    return text


def tenant_name(text: str) -> str:
    if len(text) > TENANT_LIMIT:
        raise Unfit(f"`{text}` has {len(text)} characters", f"Choose a tenant name of at most {TENANT_LIMIT}: it becomes a part of host names")
    return dns_label(text)


def dns_name(text: str) -> str:
    """A DNS subdomain, as most object names must be."""
    if len(text) > 253 or not all(is_label(part) for part in text.split(".")):
        raise Unfit(f"`{text}` is not a DNS name", "Use DNS labels (lower-case letters, digits, dashes) joined by dots, at most 253 characters")
    return text


def namespaced_name(text: str) -> str:
    namespace, slash, name = text.partition("/")
    if not slash:
        raise Unfit(f"`{text}` names no namespace", "Write it as `namespace/name`")
    dns_label(namespace)
    dns_name(name)
    return text


def export_place(text: str) -> str:
    """`namespace/name`, or `namespace/*` for every object of a namespace."""
    namespace, slash, name = text.partition("/")
    if not slash or ("*" in name and name != "*"):
        raise Unfit(f"`{text}` names neither an object nor all of a namespace", "Write it as `namespace/name` or `namespace/*`")
    dns_label(namespace)
    if name != "*":
        dns_name(name)
    return text


def service_name(text: str) -> str:
    """A Service as `namespace/name`; its name is a DNS label."""
    namespaced_name(text)
    dns_label(text.partition("/")[2])
    return text


def reserved_name(text: str) -> str:
    plural, slash, name = text.partition("/")
    if not slash or not _PLURAL.fullmatch(plural):
        raise Unfit(f"`{text}` is not a kind with a name", "Write it as `plural/name`, such as `configmaps/kube-root-ca.crt`")
    dns_name(name)
    return text


def label_key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if slash:
        dns_name(prefix)
    if not _NAME_PART.fullmatch(name):
        raise Unfit(f"`{text}` is not a label key", "Write `name` or `prefix/name`; the name has at most 63 letters, digits, `-`, `_` and `.`")
    return text


def label_value(text: str) -> str:
    if text and not _NAME_PART.fullmatch(text):
        raise Unfit(f"`{text}` is not a label value", "Use at most 63 letters, digits, `-`, `_` and `.`, or an empty text")
    return text


def key_or_prefix(text: str) -> str:
    """A key of labels or annotations, or a prefix of such keys, which ends in `/` or `*`."""
    if text != "*" and not _KEY_CHARACTERS.fullmatch(text):
        raise Unfit(f"`{text}` is not a key or a prefix", "Write a key (`a.io/b`) or a prefix that ends in `/` or `*` (`a.io/`, `a.io/b*`)")
    return text


def namespace_glob(text: str) -> str:
    """The name of a host namespace, with `*` for any part of it."""
    dns_label(text.replace("*", "x"))
    return text


def glob_matches(text: str, globs: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, glob) for glob in globs)


def quantity(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise Unfit(f"`{text}` is not a quantity", "Write a number with a Kubernetes unit, such as `500m`, `2` or `100Gi`")
    return text


def number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise Unfit(f"`{text}` is not a number", "Write up to nine digits, with a point if needed")
    return float(text)


def seconds(text: str) -> float:
    """Seconds as a number or with units: `60`, `60s`, `1m30s`, `2h`."""
    if _NUMBER.fullmatch(text):
        return float(text)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise Unfit(f"`{text}` is not a duration", "Write seconds (`60`) or a number with units (`60s`, `1m30s`, `2h`)")
    return int(found["h"] or 0) * 3600 + int(found["m"] or 0) * 60 + float(found["s"] or 0)


def port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= 65535:
        raise Unfit(f"`{text}` is not a port", "Write a number from 1 to 65535")
    return int(text)


def port_range(text: str) -> tuple[int, int]:
    """Both ends inclusive."""
    low, dash, high = text.partition("-")
    first = port(low)
    last = port(high) if dash else first
    if last < first:
        raise Unfit(f"the range `{text}` ends before it begins", f"Write `{last}-{first}`")
    return first, last


def host_and_port(text: str) -> tuple[str, str]:
    """Splits `host:port`, `1.2.3.4:80`, `[::1]:80` and the same without port, which is then empty."""
    if "://" in text:
        bare = text.split("://", 1)[1].rstrip("/")
        raise Unfit(f"`{text}` is a URL", f"Write the address alone: `{bare}`")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise Unfit(f"`{text}` is not an address", "Write an IPv6 address with port as `[::1]:6443`")
        return host, rest[1:]
    if text.count(":") > 1:
        return text, ""
    host, _, after = text.partition(":")
    return host, after


def api_server(text: str, default_port: int = 443) -> tuple[str, int]:
    """A name or IP address with an optional port."""
    host, after = host_and_port(text)
    if not is_address(host):
        dns_name(host)
    return host, port(after) if after else default_port


def listen_address(text: str) -> tuple[str, int]:
    """Where to listen: `host:port`; an empty host means every interface, port 0 any free port."""
    host, after = host_and_port(text)
    if host and not is_address(host):
        dns_name(host)
    if not after:
        raise Unfit(f"`{text}` has no port", "Write `HOST:PORT`, such as `0.0.0.0:8080`")
    return host, 0 if after == "0" else port(after)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def cidr(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Unfit(f"`{text}` is not an IP range", "Write it in CIDR notation, such as `10.96.0.0/16`") from None
    raise Unfit(f"`{text}` has bits set behind the prefix", f"Write `{loose}`")


def external_name(text: str) -> str:
    """A glob over DNS names, or an IP range."""
    if "/" in text:
        return cidr(text)
    if not text or any(character.isspace() for character in text):
        raise Unfit(f"`{text}` is not a name or an IP range", "Write a name with `*` for any part (`*.internal`) or a range (`10.0.0.0/8`)")
    return text


def host_glob(text: str) -> str:
    """A glob over DNS host names; `{tenant}` stands for the tenant's name."""
    plain = text.replace("{tenant}", "x").replace("*", "x")
    if not text or len(text) > 253 or not all(is_label(part) for part in plain.split(".")):
        raise Unfit(f"`{text}` is not a host name or a pattern of one", "Write a name with `*` for any part, such as `*.{tenant}.example.com`")
    return text


def host_path(text: str) -> str:
    if not text.startswith("/") or ".." in text.split("/"):
        raise Unfit(f"`{text}` is not an absolute path", "Write a path from `/` without `..`")
    return text


def priority(text: str) -> int:
    """A value that a PriorityClass may have."""
    if not _INTEGER.fullmatch(text):
        raise Unfit(f"`{text}` is not a priority", "Write a whole number, such as `0` or `1000`")
    if not -(2**31) <= int(text) <= HIGHEST_PRIORITY:
        raise Unfit(f"{text} is out of range", f"Write a number up to {HIGHEST_PRIORITY}; what is above belongs to the system")
    return int(text)


def annotation_pattern(text: str) -> tuple[str, str]:
    """`key=value`, with `*` for any part of the value."""
    key, equals, value = text.partition("=")
    if not equals:
        raise Unfit(f"`{text}` says nothing of the value", "Write it as `key=value`, with `*` for any part of the value")
    label_key(key)
    if not value.strip("*"):
        raise Unfit(f"`{text}` lets the tenant choose any identity", "Write what every allowed value has in common, such as `acme-*`")
    return key, value


def volume_type(text: str) -> str:
    """The key of a kind of volume in a PodSpec; two of them have lists of their own."""
    if not _VOLUME_TYPE.fullmatch(text):
        raise Unfit(f"`{text}` is not a kind of volume", "Write its key in a pod, such as `nfs`")
    instead = {"hostPath": "allowHostPaths", "csi": "allowCSIDrivers"}.get(text)
    if instead:
        raise Unfit(f"`{text}` volumes are not allowed as a whole", f"List what they may use under `policy.{instead}`")
    return text


def volume_rule(text: str) -> str:
    """A CSI driver, or a driver and a glob over the handles of its volumes."""
    driver, slash, handle = text.partition("/")
    dns_name(driver)
    if slash and (not handle or not handle.isascii() or any(character.isspace() for character in handle)):
        raise Unfit(f"`{text}` names no volume", "Write `driver` alone, or `driver/handle` with `*` for any part of the handle")
    return text

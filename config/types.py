"""The types of the fields: a reader from `readers` with its JSON schema. The `format` is what the reference calls the type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from config import grammar, readers
from config.errors import Unfit
from syncer.core.settings import POD_SECURITY_CHECKS, Mode, PodSecurityLevel


def unfit(error: Unfit) -> PydanticCustomError:
    """Pydantic's error for an `Unfit`, reason and next step kept apart."""
    return PydanticCustomError("unfit", "{reason}", {"reason": error.reason, "next_step": error.next_step})


def speaking(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`read` as pydantic calls it."""

    def validate(value: Any) -> Any:
        try:
            return read(value)
        except Unfit as error:
            raise unfit(error) from None

    return validate


@dataclass(frozen=True)
class Reads:
    """Annotation of a field: nothing but `read` decides what is taken and what becomes of it."""

    read: Callable[[Any], Any]
    schema: dict[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(speaking(self.read))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def _text(name: str, check: Callable[[str], object]) -> Reads:
    return Reads(readers.checked(check), {"type": "string", "format": name})


def _choice(what: str, options: tuple[str, ...]) -> Reads:
    return Reads(readers.choice(what, options), {"type": "string", "enum": list(options)})


def _unique(items: tuple[Any, ...]) -> tuple[Any, ...]:
    for index, item in enumerate(items):
        if item in items[:index]:
            raise Unfit(f"`{item}` is listed twice", "Remove one of the two")
    return items


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


EXCEPTIONS = (*POD_SECURITY_CHECKS, "resourceClaims")
"""The checks of the Pod Security Standards, and what is refused beside them unless it is excepted by name."""

Select = Literal["used", "all"]
Naming = Literal["same", "opaque"]
LogFormat = Literal["json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]
Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]

Unique = AfterValidator(speaking(_unique))
"""On a list: nothing is in it twice."""

Text: TypeAlias = Annotated[str, Reads(readers.text, {"type": "string"})]
FileName: TypeAlias = Annotated[str, _text("file", grammar.file_name)]
Flag: TypeAlias = Annotated[bool, Reads(readers.flag, {"type": "boolean"})]
Count: TypeAlias = Annotated[int, Reads(readers.count, {"type": "integer", "minimum": 0})]
OneOrMore: TypeAlias = Annotated[int, Reads(readers.one_or_more, {"type": "integer", "minimum": 1})]
Share: TypeAlias = Annotated[float, Reads(readers.share, {"type": "number", "minimum": 0, "maximum": 1})]
Rate: TypeAlias = Annotated[float, Reads(readers.rate, {"type": "number", "exclusiveMinimum": 0})]
Seconds: TypeAlias = Annotated[float, Reads(readers.seconds, {"type": ["number", "string"], "format": "duration"})]

ModeWord: TypeAlias = Annotated[Mode, _choice("a mode", get_args(Mode))]
SelectWord: TypeAlias = Annotated[Select, _choice("a way to select", get_args(Select))]
NamingWord: TypeAlias = Annotated[Naming, _choice("a way to name nodes", get_args(Naming))]
LogFormatWord: TypeAlias = Annotated[LogFormat, _choice("a log format", get_args(LogFormat))]
LogLevelWord: TypeAlias = Annotated[LogLevel, _choice("a log level", get_args(LogLevel))]
LevelWord: TypeAlias = Annotated[PodSecurityLevel, _choice("a Pod Security level", get_args(PodSecurityLevel))]
OperatorWord: TypeAlias = Annotated[Operator, _choice("an operator", get_args(Operator))]

TenantName: TypeAlias = Annotated[str, _text("tenant-name", grammar.tenant_name)]
DnsLabel: TypeAlias = Annotated[str, _text("DNS-label", grammar.dns_label)]
DnsName: TypeAlias = Annotated[str, _text("DNS-name", grammar.dns_name)]
NamespacedName: TypeAlias = Annotated[str, _text("namespace/name", grammar.namespaced_name)]
ServiceName: TypeAlias = Annotated[str, _text("namespace/name", grammar.service_name)]
ReservedName: TypeAlias = Annotated[str, _text("plural/name", grammar.reserved_name)]
NamespaceGlob: TypeAlias = Annotated[str, _text("namespace-or-glob", grammar.namespace_glob)]
KeyOrPrefix: TypeAlias = Annotated[str, _text("key-or-prefix", grammar.key_or_prefix)]
LabelKey: TypeAlias = Annotated[str, _text("label-key", grammar.label_key)]
LabelValue: TypeAlias = Annotated[str, _text("label-value", grammar.label_value)]
Quantity: TypeAlias = Annotated[str, Reads(readers.checked(grammar.quantity), {"type": ["number", "string"], "format": "quantity"})]
ApiServer: TypeAlias = Annotated[str, _text("address", grammar.api_server)]
ListenAddress: TypeAlias = Annotated[str, _text("host:port", grammar.listen_address)]
Cidr: TypeAlias = Annotated[str, _text("CIDR", grammar.cidr)]
CidrList: TypeAlias = Annotated[tuple[Cidr, ...], BeforeValidator(_as_list, json_schema_input_type=Cidr | list[Cidr]), Unique]
"""A single text stands for a list of one."""
ExternalName: TypeAlias = Annotated[str, _text("glob-or-CIDR", grammar.external_name)]
HostGlob: TypeAlias = Annotated[str, _text("host-or-glob", grammar.host_glob)]
HostPath: TypeAlias = Annotated[str, _text("path", grammar.host_path)]
PortRange: TypeAlias = Annotated[str, Reads(readers.port_range, {"type": ["integer", "string"], "format": "port-or-range"})]
SecurityCheck: TypeAlias = Annotated[str, _choice("a check of pods", EXCEPTIONS)]
ExportPlace: TypeAlias = Annotated[str, _text("namespace/name-or-*", grammar.export_place)]
Priority: TypeAlias = Annotated[int, Reads(readers.priority, {"type": "integer", "minimum": -(2**31), "maximum": grammar.HIGHEST_PRIORITY})]
AnnotationPattern: TypeAlias = Annotated[str, _text("key=glob", grammar.annotation_pattern)]
VolumeRule: TypeAlias = Annotated[str, _text("driver-or-driver/handle", grammar.volume_rule)]
VolumeType: TypeAlias = Annotated[str, _text("volume-type", grammar.volume_type)]

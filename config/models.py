"""The sync file as models: what may be written, its types, defaults and meaning. `docs/configuration.md` is generated from this.

The models hold what was written, checked part by part; what needs more than one part to judge is in `rules` and `mapping`, and `lower` turns
the whole into the frozen values the syncer works with. Only keys as the file writes them are known here, never the Python names.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from config import types as t
from config.errors import Unfit
from config.kinds import BY_PLURAL
from config.readers import wrong_type
from config.section import Section
from config.sections import BrakeSection, HostSection, NetworkSection, PolicySection, TenantSection


class RequirementSection(Section):
    """One line of `matchExpressions`."""

    key: t.LabelKey = Field(description="Label key.")
    operator: t.OperatorWord = Field(description="How the label is compared.")
    values: tuple[t.LabelValue, ...] = Field(default=(), description="Values for `In` and `NotIn`; empty for the other two.")

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        needed = self.operator in ("In", "NotIn")
        if needed and not self.values:
            raise t.unfit(Unfit(f"the operator {self.operator} compares with values, and none are given", "List them under `values`"))
        if not needed and self.values:
            raise t.unfit(Unfit(f"the operator {self.operator} takes no values", "Remove `values`, or use `In` or `NotIn`"))
        return self


class SelectorSection(Section):
    """A Kubernetes label selector. All conditions must hold; an empty selector selects everything."""

    match_labels: dict[t.LabelKey, t.LabelValue] = Field(default_factory=dict, description="Labels that must have exactly these values.")
    match_expressions: tuple[RequirementSection, ...] = Field(default=(), description="Further conditions on labels.")


NamespaceTable = dict[t.Text, t.Text]


class ResourceSection(Section):
    """One kind that is synced."""

    name: t.Text = Field(description="Plural name of the kind, in lower case. See [kinds](#kinds).", json_schema_extra={"enum": list(BY_PLURAL)})
    mode: t.ModeWord = Field(default="bidirectional", description="Which way it is synced. See [kinds](#kinds).")
    namespace_mapping: NamespaceTable | None = Field(
        default=None, description="Where tenant namespaces land on the host. Every table in the file must be the same. See [namespaces](#namespaces)."
    )
    selector: SelectorSection | None = Field(default=None, description="Only objects with these labels are synced. Default: all.")
    select: t.SelectWord | None = Field(
        default=None,
        description="`configmaps` and `secrets` only: `used` syncs what a synced object uses, and removes it when nothing uses it any more; "
        "`all` syncs every one. Default: `used`.",
    )
    names: Annotated[tuple[t.Text, ...], t.Unique] | None = Field(
        default=None,
        description="Classes of the host only: names, or patterns with `*`, of those the tenant sees and may use. Default: those that the host marks "
        "as its default.",
    )


class ExportSection(Section):
    """One object of the host that the tenant sees, or all of a namespace."""

    source: t.ExportPlace = Field(alias="from", description="Where it is on the host: `namespace/name`, or `namespace/*` for all.")
    target: t.ExportPlace = Field(
        alias="to",
        description="Where the tenant sees it: `namespace/name`, or `namespace/*` under the same names. The namespace is the tenant's to make.",
    )


class FromHostSection(Section):
    """What of its own the host shows in the tenant. The copy follows the original; what the tenant does to it is taken back.

    Print the host's rights again after a change: each namespace that something comes from has a Role."""

    configmaps: tuple[ExportSection, ...] | None = Field(
        default=None, description="ConfigMaps. When the last one is taken out, leave an empty list for one start, so that its copy goes, too."
    )
    secrets: tuple[ExportSection, ...] | None = Field(
        default=None, description="Secrets. The same holds for them. Credentials of the host never cross."
    )


class SyncSection(Section):
    """What is synced, and where it lands."""

    namespace_mapping: NamespaceTable | None = Field(
        default=None,
        description="Where tenant namespaces land on the host, for all kinds. Default: `<tenant>-{namespace}` for every namespace. "
        "See [namespaces](#namespaces).",
    )
    resources: tuple[ResourceSection, ...] | None = Field(
        default=None, description="The kinds to sync; those that are always on need not be listed. Default: every known kind, `bidirectional`."
    )
    from_host: FromHostSection = Field(default=FromHostSection(), description="ConfigMaps and Secrets of the host that the tenant sees.")


class NodeChoiceSection(Section):
    """Nodes chosen by label instead of by name."""

    selector: SelectorSection | None = Field(default=None, description="Labels of the host nodes to promote. Default: every node.")
    count: t.OneOrMore | None = Field(default=None, description="How many of them at most. Default: all.")


def _shape(value: Any) -> str:
    return "(list)" if isinstance(value, list | tuple) else "(choice)"


def _list_or_choice(value: Any) -> Any:
    if not isinstance(value, list | tuple | dict | NodeChoiceSection):
        raise wrong_type("a list of node names, or a mapping with `selector`", value)
    return value


Nodes = Annotated[
    Annotated[tuple[t.DnsName, ...], t.Unique, Tag("(list)")] | Annotated[NodeChoiceSection, Tag("(choice)")],
    Discriminator(_shape),
    BeforeValidator(t.speaking(_list_or_choice)),
]
Resources = dict[t.Text, t.Quantity]

_NODES = (
    "Host nodes to promote: a list of names (an empty list promotes none), or a mapping with `selector` and `count`. Default: every schedulable node."
)
_RESOURCES = "A share of the nodes. Not in this version: refused with an explanation. Without it whole nodes are promoted."


class PromoteSection(Section):
    """Another way to write `clusterTree.nodes` and `clusterTree.resources`."""

    nodes: Nodes | None = Field(default=None, description=_NODES)
    resources: Resources | None = Field(default=None, description=_RESOURCES)


class ClusterTreeSection(Section):
    """Which host nodes the tenant sees as its own."""

    nodes: Nodes | None = Field(default=None, description=_NODES)
    count: t.OneOrMore | None = Field(default=None, description="The same as `nodes.count`; write one of the two.")
    resources: Resources | None = Field(default=None, description=_RESOURCES)
    names: t.NamingWord = Field(
        default="same", description="Names of the virtual nodes: as on the host. `opaque` names are not in this version: refused with an explanation."
    )
    promote_resources: PromoteSection | None = Field(default=None, description="The same as `nodes` and `resources` here; write one of the two.")


class SyncFile(Section):
    """The whole file."""

    sync: SyncSection = Field(default=SyncSection(), description="Which kinds are synced, and where their namespaces land.")
    cluster_tree: ClusterTreeSection = Field(default=ClusterTreeSection(), description="Which host nodes the tenant sees.")
    host: HostSection = Field(default=HostSection(), description="The host cluster.")
    tenant: TenantSection = Field(default=TenantSection(), description="The tenant cluster.")
    policy: PolicySection = Field(default=PolicySection(), description="What host pods and services may ask for.")
    network: NetworkSection = Field(default=NetworkSection(), description="What connects the two clusters beside the kinds.")
    brake: BrakeSection = Field(default=BrakeSection(), description="When deletions are held.")
    metrics_address: t.ListenAddress | None = Field(
        default=None, description="Where metrics and health are served: `host:port`, an empty host for every interface. Default: not served."
    )
    log_format: t.LogFormatWord = Field(default="json", description="Log lines for machines or for people.")
    log_level: t.LogLevelWord = Field(default="info", description="The least severe log lines that are written.")
    leader_elect: t.Flag = Field(
        default=True, description="Whether the syncer waits for its Lease before it writes. Needed as soon as there are two replicas."
    )

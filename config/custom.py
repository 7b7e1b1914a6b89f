"""`sync.customResources`: kinds that a CustomResourceDefinition makes, declared field by field as far as they refer to something."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config import grammar
from config import types as t
from config.patch import PatchSection
from config.section import Section
from config.selector import SelectorSection
from syncer.core.settings import CustomKind, ReferencePath, SelectorPath

NamespaceTable = dict[t.Text, t.Text]


class ReferenceSection(Section):
    """Fields that name other objects: a text, a list of texts, or an object with `name` and perhaps `namespace`."""

    path: t.FieldPathText = Field(description="Where the names are: `spec.secretName`, `spec.items[*].secretRef`.")
    kind: t.Text | None = Field(
        default=None, description="Which kind they name, as it is called under `sync`. With `kindPath`: if that field is empty."
    )
    kind_path: t.FieldPathText | None = Field(default=None, description="The field that says which kind is named, if there are several.")
    kinds: dict[t.Text, t.Text] = Field(
        default_factory=dict, description="What that field may say, with the kinds meant: `Issuer: issuers.example.com`."
    )
    namespace_path: t.FieldPathText | None = Field(
        default=None,
        description="The field that holds the namespace, if it is not `namespace` beside the name. Without a namespace the object's own is meant.",
    )
    optional: t.Flag = Field(
        default=False,
        description="Whether the object named may be missing: the host's controller makes it. If not, the object waits for it.",
    )


class SelectorPathSection(Section):
    """A field that selects objects by label. It is confined to the tenant and its namespace."""

    path: t.FieldPathText = Field(description="Where the selector is.")
    kind: t.Text = Field(default="pods", description="What it selects.")
    form: t.SelectorForm = Field(default="labelSelector", description="`labelSelector` (matchLabels, matchExpressions), or a plain `map` of labels.")


class CustomResourceSection(Section):
    """One custom kind that is synced. See [custom resources](custom-resources.md)."""

    name: t.DefinitionName = Field(description="Plural and group, as the definition is called: `certificates.cert-manager.io`.")
    version: t.ApiVersion = Field(description="The version that is synced. Both sides must serve it.")
    kind: t.KindWord = Field(description="The kind as objects write it: `Certificate`.")
    scope: t.ScopeWord = Field(default="Namespaced", description="As the definition has it.")
    mode: t.ModeWord = Field(default="bidirectional", description="Which way it is synced. `fromHost`: objects of the host are shown in the tenant.")
    namespace_mapping: NamespaceTable | None = Field(default=None, description="The same as for other kinds.")
    selector: SelectorSection | None = Field(default=None, description="Only objects with these labels are synced. Default: all.")
    names: Annotated[tuple[t.Text, ...], t.Unique] | None = Field(
        default=None, description="`fromHost` only, and needed there: names, or patterns with `*`, of the objects that are shown."
    )
    tenant_owns: Annotated[tuple[t.OwnedPathText, ...], t.Unique] = Field(default=("spec",), description="Fields that go down to the host.")
    host_owns: Annotated[tuple[t.OwnedPathText, ...], t.Unique] = Field(default=("status",), description="Fields that come up from the host.")
    status_subresource: t.Flag = Field(default=True, description="Whether the definition has the subresource `status`.")
    references: tuple[ReferenceSection, ...] = Field(default=(), description="Fields that name other objects.")
    selectors: tuple[SelectorPathSection, ...] = Field(default=(), description="Fields that select objects by label.")
    pass_namespaces: Annotated[tuple[t.FieldPathText, ...], t.Unique] = Field(
        default=(), description="Fields that are called like a namespace and mean none of the cluster's, so that they may cross as they are."
    )
    owner_references: t.Flag = Field(default=False, description="Whether owners that are synced own on the host, too.")
    patches: tuple[PatchSection, ...] = Field(default=(), description="Changes of single fields.")


def lowered(resource: CustomResourceSection) -> CustomKind:
    """The frozen value. Mode, selector, names and patches are lowered with those of the other kinds."""
    return CustomKind(
        name=resource.name,
        version=resource.version,
        kind=resource.kind,
        namespaced=resource.scope == "Namespaced",
        tenant_owns=tuple(map(grammar.owned_path, resource.tenant_owns)),
        host_owns=tuple(map(grammar.owned_path, resource.host_owns)),
        status_subresource=resource.status_subresource,
        references=tuple(map(_reference, resource.references)),
        selectors=tuple(SelectorPath(path=grammar.field_path(one.path), kind=one.kind, form=one.form) for one in resource.selectors),
        pass_namespaces=tuple(map(grammar.field_path, resource.pass_namespaces)),
        owner_references=resource.owner_references,
    )


def _reference(reference: ReferenceSection) -> ReferencePath:
    return ReferencePath(
        path=grammar.field_path(reference.path),
        kind=reference.kind or "",
        kind_path=grammar.field_path(reference.kind_path) if reference.kind_path else (),
        kinds=reference.kinds,
        namespace_path=grammar.field_path(reference.namespace_path) if reference.namespace_path else (),
        optional=reference.optional,
    )

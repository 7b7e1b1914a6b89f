"""The schema, the reference page and `show` say what the models say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import config
from config import Loaded
from config.reference import reference
from config.schema import REFERENCE_FILE, SCHEMA_FILE, schema_text

Load = Callable[..., Loaded]
EXAMPLES = Path(config.__file__).parent / "examples"
SCHEMA = json.loads(SCHEMA_FILE.read_text())


def test_the_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "run `python -m config.schema`"


def test_the_reference_is_current() -> None:
    assert REFERENCE_FILE.read_text() == reference(), "run `python -m config.schema`"


def keys(node: dict[str, Any], at: str = "") -> Iterator[str]:
    """Every key that the schema knows, as a path; list positions are `[]`."""
    if "$ref" in node:
        node = SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]]
    for alternative in node.get("oneOf", node.get("anyOf", ())):
        yield from keys(alternative, at)
    for key, child in node.get("properties", {}).items():
        yield f"{at}.{key}".lstrip(".")
        yield from keys(child, f"{at}.{key}".lstrip("."))
    if "items" in node:
        yield from keys(node["items"], f"{at}[]")


def written(value: Any, at: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield f"{at}.{key}".lstrip(".")
            yield from written(child, f"{at}.{key}".lstrip("."))
    elif isinstance(value, list):
        for child in value:
            yield from written(child, f"{at}[]")


OTHER_WAYS = ("clusterTree.count", "clusterTree.resources", "clusterTree.promoteResources", "sync.resources[].namespaceMapping")


def test_the_full_example_has_every_key() -> None:
    """All but those that say again, or may not be said yet; the comments of the example name these."""
    text = (EXAMPLES / "full.yaml").read_text()
    known = {key for key in keys(SCHEMA) if not key.startswith(OTHER_WAYS) and "nodes.selector.matchExpressions" not in key}
    assert known <= set(written(yaml.safe_load(text)))
    assert "promoteResources" in text


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_the_schema_knows_every_key_of_the_examples(example: Path) -> None:
    free = r"(namespaceMapping|matchLabels|priorityClasses|runtimeClasses|storageClasses|ingressClasses|gatewayClasses|gateways)\."
    found = {key for key in written(yaml.safe_load(example.read_text())) if not re.search(free, key)}
    assert found <= set(keys(SCHEMA))


def test_every_key_is_described_in_the_reference() -> None:
    page = reference()
    for path in keys(SCHEMA):
        assert f"| `{path.rsplit('.', 1)[-1]}` |" in page
    assert not re.search(r"\|  \|", page), "a cell is empty"


def test_links_in_the_reference_lead_to_its_headings() -> None:
    page = reference()
    anchors = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= anchors


@pytest.mark.parametrize(
    "text",
    [
        *(file.read_text() for file in sorted(EXAMPLES.glob("*.yaml"))),
        "sync: {}",
        "sync: {namespaceMapping: {on: no, 'null': 'true', 1: 1e3}}",
        "clusterTree: {promoteResources: {nodes: [a]}}",
        "clusterTree: {nodes: {selector: {}}, count: 3}",
        "clusterTree: {count: 3}",
        "clusterTree: {nodes: []}",
        "brake: {hold: 1.5s, share: 0.25}\nmetricsAddress: '[::1]:0'\nlogFormat: console\nleaderElect: false\n",
        "tenant: {apiServer: '1.2.3.4:5', serviceCIDR: 10.0.0.0/8, kubeconfig: t}\nhost: {allowNamespaces: [kube-*]}",
    ],
    ids=lambda text: text.splitlines()[0],
)
def test_what_show_prints_loads_to_the_same_settings_and_shows_the_same_again(load: Load, text: str) -> None:
    first = load(text)
    shown = config.show(first.file)
    again = load(shown, tenant=None)
    assert (again.settings, again.process) == (first.settings, first.process)
    assert config.show(again.file) == shown


def test_show_says_everything_once(load: Load) -> None:
    shown = yaml.safe_load(config.show(load((EXAMPLES / "seed.yaml").read_text()).file))
    assert shown["sync"]["namespaceMapping"]["default"] == "kled-cluster-1-default"
    assert shown["sync"]["resources"][2] == {"name": "configmaps", "mode": "bidirectional", "select": "used"}
    assert {"namespaces", "nodes", "events"} <= {resource["name"] for resource in shown["sync"]["resources"]}
    assert shown["tenant"]["name"] == "acme"


def test_config_brings_nothing_of_the_syncer_but_its_core() -> None:
    program = "import config, sys; print(*(m for m in sys.modules if m.split('.')[0] in ('syncer', 'translators', 'kled', 'kubernetes_asyncio')))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert all(module in ("syncer", "syncer.core") or module.startswith("syncer.core.") for module in loaded)

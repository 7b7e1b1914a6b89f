"""Golden cases: `cases/*.yaml`, each a list of pods with what is in the world and what must come out.

name        a sentence
settings    mapping, kinds, policy, host, tenant, nodes (as in `pod_world.settings`)
pod         metadata and spec laid over the ordinary pod; `container` over its only container; a null removes a field
tenant      further tenant objects by kind; host: further host objects by kind
without     kinds that are missing on the host
expect      metadata, spec: exactly these values of the named fields (null: absent); container: the same for the only container;
            env: the variables behind the service variables; host: the whole body; wait, refusal, dropped, notes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pod_world import container, pod, settings, view_for

from syncer.core.settings import HostSettings, NamespaceMapping, NodeSettings, PolicySettings, Selector, Settings
from syncer.core.translator import Draft, Refusal, Wait
from translators.pods import PODS

CASES = Path(__file__).parent / "cases"
MASTER = 8  # variables that name the tenant's API server, before everything else


def cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.yaml")):
        for number, item in enumerate(yaml.safe_load(path.read_text())):
            yield pytest.param(item, id=f"{path.stem}-{number}: {item['name']}")


def _settings(given: Mapping[str, Any]) -> Settings:
    fields = dict(given)
    if "mapping" in fields:
        fields["mapping"] = NamespaceMapping(**fields["mapping"])
    if "policy" in fields:
        fields["policy"] = PolicySettings(**fields["policy"])
    if "nodes" in fields:
        nodes: dict[str, Any] = dict(fields["nodes"])
        if "selector" in nodes:
            nodes["selector"] = Selector(match_labels=nodes["selector"])
        if "names" in nodes:
            nodes["names"] = tuple(nodes["names"])
        fields["nodes"] = NodeSettings(**nodes)
    if "host" in fields:
        assert set(fields["host"]) <= set(HostSettings.__dataclass_fields__)
        fields["host"] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields["host"].items()}
    return settings(**fields)


def _pod(case: Mapping[str, Any]) -> dict[str, Any]:
    given = case.get("pod") or {}
    spec = dict(given.get("spec") or {})
    if "container" in given:
        spec["containers"] = [container(**given["container"])]
    volumes = spec.pop("volumes", [])
    return pod(spec, volumes=volumes, **(given.get("metadata") or {}))


def _compare(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert {key: found.get(key) for key in wanted} == dict(wanted)


@pytest.mark.parametrize("case", list(cases()))
def test_golden(case: Mapping[str, Any]) -> None:
    given, expect = _pod(case), dict(case["expect"])
    view = view_for(given, _settings(case.get("settings") or {}), tenant=case.get("tenant"), host=case.get("host"), without=case.get("without") or ())
    answer = PODS.down(given, view) if PODS.down else None
    if "wait" in expect:
        assert isinstance(answer, Wait), answer
        assert expect.pop("wait") in answer.reason
        assert answer.quiet == expect.pop("quiet", False)
        assert not expect
        return
    if "refusal" in expect:
        assert isinstance(answer, Refusal), answer
        _compare({"field": answer.field, "message": answer.message}, expect.pop("refusal"))
        assert not expect
        return
    assert isinstance(answer, Draft), answer
    assert sorted(field for field, _ in answer.dropped) == sorted(expect.pop("dropped", []))
    assert [reason for reason, _ in answer.notes] == expect.pop("notes", [])
    if "host" in expect:
        assert answer.body == expect.pop("host")
    for part in ("metadata", "spec"):
        _compare(answer.body[part], expect.pop(part, {}))
    main = answer.body["spec"]["containers"][0]
    _compare(main, expect.pop("container", {}))
    if "env" in expect:
        assert main["env"][MASTER:] == expect.pop("env")
    if "volume" in expect:
        assert answer.body["spec"]["volumes"][-1] == expect.pop("volume")
    assert not expect, f"unknown expectations: {sorted(expect)}"

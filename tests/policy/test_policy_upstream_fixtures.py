"""Replay of the fixtures of k8s.io/pod-security-admission, where the Go module cache has them: what passes there passes here, and back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from policy_pods import judge

from syncer.core.settings import POD_SECURITY_CHECKS

OURS = frozenset(POD_SECURITY_CHECKS)


def newest(paths):
    return max(paths, key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)], default=None)


def fixtures():
    """(level, verdict, file) of the newest version of both levels."""
    cache = Path(os.environ.get("GOMODCACHE") or Path(os.environ.get("GOPATH") or Path.home() / "go") / "pkg" / "mod")
    module = newest(cache.glob("k8s.io/pod-security-admission@v0.*"))
    for level in ("baseline", "restricted") if module else ():
        version = newest((module / "test" / "testdata" / level).glob("v1.*"))
        for file in sorted(version.glob("*/*.yaml")) if version else ():
            yield pytest.param(level, file, id=f"{level}-{file.parent.name}-{file.stem}")


@pytest.mark.parametrize(("level", "file"), list(fixtures()))
def test_the_upstream_verdict_is_ours(level, file):
    pod = yaml.safe_load(file.read_text())
    refused = {found.check for found in judge(pod, pod_security=level)} & OURS
    assert bool(refused) == (file.parent.name == "fail")

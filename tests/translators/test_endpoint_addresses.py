"""Which addresses a tenant may send a Service to, in every way that an address can be written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.core.settings import PolicySettings
from syncer.testing import FakeView, settings_for
from translators.endpoint_addresses import Limits, pod_addresses, read

OWN = "10.244.1.7"
SETTINGS = settings_for(
    "acme",
    None,
    host_api=("198.51.100.1",),
    policy=PolicySettings(deny_endpoints=("100.64.0.0/10", "2001:db8:1::/48")),
)
HOST: dict[str, list[Any]] = {
    "servicecidrs": [{"metadata": {"name": "kubernetes", "uid": "u"}, "spec": {"cidrs": ["10.96.0.0/16", "fd00:96::/112"]}}],
    "nodes": [
        {
            "metadata": {"name": "n", "uid": "u"},
            "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:244::/64"]},
            "status": {"addresses": [{"type": "InternalIP", "address": "172.18.0.2"}, {"type": "Hostname", "address": "n"}]},
        }
    ],
}
LIMITS = Limits(FakeView(SETTINGS, host=HOST))


def refused(text: Any) -> bool:
    return LIMITS.reason(text, lambda address: address == OWN) is not None


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.0.9", "::1", "0.0.0.0", "::", "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1",
        "::ffff:169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.96.0.1", "::ffff:a9fe:a9fe", "64:ff9b::169.254.169.254", "64:ff9b::a60:1",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "10.96.0.1", "10.96.255.255", "fd00:96::1",
        "172.18.0.2",
        "198.51.100.1", "10.244.1.8", "fd00:244::8", "100.64.0.1", "2001:db8:1::1",
        "", " 192.0.2.1", "192.0.2.1 ", "0177.0.0.1", "127.1", "2130706433", "0x7f000001", "192.0.2.01", "db.example.com", "10.0.0.1/8", None, 7,
        ["192.0.2.1"],
    ],
)  # fmt: skip
def test_what_belongs_to_the_host_is_refused_however_it_is_written(text: Any) -> None:
    assert refused(text)


@pytest.mark.parametrize(
    "text", ["192.0.2.1", "8.8.8.8", "192.168.7.7", "10.97.0.1", "172.18.0.3", "2001:db8::1", "fd00:1::1", "::ffff:192.0.2.1", OWN]
)
def test_what_is_outside_and_the_tenants_own_pods_pass(text: str) -> None:
    assert not refused(text)


def test_nothing_opens_the_host_to_a_pod_on_its_nodes_network() -> None:
    assert LIMITS.reason("172.18.0.2", lambda address: True) is not None
    assert pod_addresses({"spec": {"hostNetwork": True}, "status": {"phase": "Running", "podIP": "172.18.0.2"}}) == frozenset()


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_the_address_of_a_pod_that_has_ended_is_nobodys(phase: str) -> None:
    assert pod_addresses({"spec": {}, "status": {"phase": phase, "podIPs": [{"ip": OWN}]}}) == frozenset()


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_form_is_judged_like_the_plain_one(address: Any) -> None:
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert read(wrapped) == address
        assert refused(wrapped) == (refused(str(address)) if str(address) != OWN else True)

"""A table without a pattern: namespaces that are not in it stay in the tenant. ConfigMaps cross whether used or not."""

from __future__ import annotations

from tests.e2e.stage import TENANT_RANGE, Place, World, eventually

TENANT = "tabled"
SYNC = f"""
sync:
  namespaceMapping:
    covered: tabled-covered
  resources:
    - name: pods
    - name: services
    - name: configmaps
      select: all
    - name: secrets
tenant:
  serviceCIDR: {TENANT_RANGE}
"""


def test_a_pod_in_a_namespace_that_is_not_mapped_is_told_once_and_written_nowhere(place: Place, world: World) -> None:
    place.pod("nowhere")
    place.await_told("nowhere", "SyncUnmapped")
    assert len([one for one in place.events("nowhere") if one["reason"] == "SyncUnmapped"]) == 1
    assert not world.host.get("namespaces", "", place.on_host)
    assert not [one for one in world.host.list("pods") if one["metadata"]["name"] == "nowhere"]


def test_every_config_map_crosses_with_select_all_but_secrets_only_when_used(world: World) -> None:
    world.tenant.create("namespaces", "", {"metadata": {"name": "covered"}})
    world.spaces.append("covered")
    place = Place(world, "covered", "tabled-covered")
    place.create("configmaps", {"metadata": {"name": "unused"}, "data": {"a": "b"}})
    place.create("secrets", {"metadata": {"name": "unused"}, "stringData": {"a": world.canary()}})
    eventually("the unused ConfigMap is on the host", lambda: place.host("configmaps", "unused"))
    roots = [name for name in world.host.names("configmaps", "tabled-covered") if name.startswith("kube-root-ca.crt")]
    assert sorted(roots) == ["kube-root-ca.crt", "kube-root-ca.crt-x-covered-x-tabled"]
    assert not place.host("secrets", "unused")
    place.delete("configmaps", "unused")
    eventually("it goes with its original", lambda: not place.host("configmaps", "unused"))

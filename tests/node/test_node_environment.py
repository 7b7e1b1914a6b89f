"""What the processes of a tenant's pod find around them: variables, names, and what is said about the pod itself."""

from __future__ import annotations

from tests.e2e.stage import Obj, Place, eventually
from tests.node.inside import DNS_ADDRESS, environment, run, sh, shell, start


def field(path: str, name: str = "") -> Obj:
    return {"name": name or path.rpartition(".")[2].upper(), "valueFrom": {"fieldRef": {"fieldPath": path}}}


def amount(resource: str, name: str, divisor: str = "1") -> Obj:
    return {"name": name, "valueFrom": {"resourceFieldRef": {"containerName": "main", "resource": resource, "divisor": divisor}}}


def test_variables_come_from_values_config_secrets_and_each_other(place: Place) -> None:
    password = place.world.canary()
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"colour": "green", "shape": "round"}})
    place.create("secrets", {"metadata": {"name": "credentials"}, "stringData": {"password": password}})
    env = [
        {"name": "PLAIN", "value": "as written"},
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "credentials", "key": "password"}}},
        {"name": "JOINED", "value": "$(COLOUR)-$(PLAIN)-$(NOWHERE)"},
        {"name": "ESCAPED", "value": "$$(COLOUR)"},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "nowhere", "key": "x", "optional": True}}},
    ]
    sources = [{"configMapRef": {"name": "settings"}, "prefix": "CFG_"}, {"secretRef": {"name": "credentials"}}]
    start(place, "configured", shell(env=env, envFrom=sources, args=["$(COLOUR)", "second"]))
    seen = environment(place, "configured")
    assert seen["PLAIN"] == "as written"
    assert (seen["COLOUR"], seen["CFG_colour"], seen["CFG_shape"]) == ("green", "green", "round")
    assert (seen["PASSWORD"], seen["password"]) == (password, password)
    assert seen["JOINED"] == "green-as written-$(NOWHERE)"
    assert seen["ESCAPED"] == "$(COLOUR)"
    assert "ABSENT" not in seen


def test_variables_in_a_command_line_are_the_tenants(place: Place) -> None:
    place.service("web", ports=[{"name": "web", "port": 8080}])
    env = [field("metadata.namespace", "WHERE"), {"name": "GREETING", "value": "hello from $(WHERE)"}]
    start(
        place,
        "spoken",
        {**shell(env=env), "command": ["sh", "-c", 'echo "$0 $1" > /tmp/said; exec sleep infinity'], "args": ["$(GREETING)", "$(WEB_SERVICE_PORT)"]},
    )
    said = sh(place, "spoken", "cat /tmp/said")
    assert said == f"hello from {place.name} 8080"


def test_the_services_of_the_tenants_namespace_are_variables_and_none_of_the_hosts(place: Place) -> None:
    place.service("front-end", ports=[{"name": "web", "port": 8080}])
    address = place.get("services", "front-end")["spec"]["clusterIP"]
    start(place, "listing")
    seen = environment(place, "listing")
    assert seen["FRONT_END_SERVICE_HOST"] == address
    assert seen["FRONT_END_SERVICE_PORT"] == seen["FRONT_END_SERVICE_PORT_WEB"] == "8080"
    assert seen["FRONT_END_PORT_8080_TCP"] == f"tcp://{address}:8080"
    server = place.world.planes.tenant.inner_server.removeprefix("https://").split(":")
    assert [seen["KUBERNETES_SERVICE_HOST"], seen["KUBERNETES_SERVICE_PORT"]] == server
    assert not [name for name, value in seen.items() if "10.96." in value], "an address of the host's own range"


def test_a_pod_that_wants_no_service_links_gets_none(place: Place) -> None:
    place.service("front-end", ports=[{"name": "web", "port": 8080}])
    start(place, "unlinked", enableServiceLinks=False)
    seen = environment(place, "unlinked")
    assert not [name for name in seen if name.startswith("FRONT_END")]
    assert "KUBERNETES_SERVICE_HOST" in seen


def test_the_downward_api_shows_what_the_tenant_wrote(place: Place) -> None:
    place.create("serviceaccounts", {"metadata": {"name": "robot"}})
    paths = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.podIP", "status.hostIP")
    env = [
        *map(field, paths),
        field("metadata.labels['app']", "LABEL"),
        field("metadata.annotations['note']", "NOTE"),
        amount("limits.cpu", "CPUS", "1m"),
        amount("requests.memory", "MEMORY", "1Mi"),
    ]
    items = [
        {"path": path.rpartition(".")[2], "fieldRef": {"fieldPath": path}}
        for path in ("metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations")
    ]
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "250m", "memory": "64Mi"}}
    pod = start(
        place,
        "downward",
        shell(env=env, resources=resources, volumeMounts=[{"name": "about", "mountPath": "/about"}]),
        labels={"tier": "one"},
        annotations={"note": "mine"},
        serviceAccountName="robot",
        volumes=[{"name": "about", "downwardAPI": {"items": items}}],
    )
    seen = environment(place, "downward")
    assert [seen[path.rpartition(".")[2].upper()] for path in paths] == [
        "downward",
        place.name,
        pod["metadata"]["uid"],
        pod["spec"]["nodeName"],
        "robot",
        pod["status"]["podIP"],
        pod["status"]["hostIP"],
    ]
    assert (seen["LABEL"], seen["NOTE"], seen["CPUS"], seen["MEMORY"]) == ("downward", "mine", "250", "32")
    assert [run(place, "downward", "cat", f"/about/{name}") for name in ("name", "namespace", "uid")] == [
        "downward",
        place.name,
        pod["metadata"]["uid"],
    ]
    assert sorted(run(place, "downward", "cat", "/about/labels").split()) == ['app="downward"', 'tier="one"']
    assert run(place, "downward", "cat", "/about/annotations").strip() == 'note="mine"'


def test_changed_labels_and_annotations_reach_the_files_of_a_running_pod(place: Place) -> None:
    items = [{"path": name, "fieldRef": {"fieldPath": f"metadata.{name}"}} for name in ("labels", "annotations")]
    start(
        place,
        "changing",
        shell(volumeMounts=[{"name": "about", "mountPath": "/about"}]),
        volumes=[{"name": "about", "downwardAPI": {"items": items}}],
    )
    place.patch("pods", "changing", {"metadata": {"labels": {"tier": "two"}, "annotations": {"note": "later"}}})
    eventually("the labels are there", lambda: sorted(run(place, "changing", "cat", "/about/labels").split()) == ['app="changing"', 'tier="two"'])
    eventually("the annotation is there", lambda: run(place, "changing", "cat", "/about/annotations").strip() == 'note="later"')


def test_host_name_hosts_file_and_resolver_are_those_of_the_tenant(place: Place) -> None:
    place.service("sub", clusterIP="None")
    pod = start(place, "named", hostname="one", subdomain="sub", hostAliases=[{"ip": "192.0.2.7", "hostnames": ["elsewhere.example"]}])
    assert sh(place, "named", "hostname") == "one"
    hosts = run(place, "named", "cat", "/etc/hosts")
    assert f"{pod['status']['podIP']}\tone\n" in hosts
    assert "192.0.2.7\telsewhere.example" in hosts
    assert place.on_host not in hosts
    resolver = run(place, "named", "cat", "/etc/resolv.conf").splitlines()
    assert f"nameserver {DNS_ADDRESS}" in resolver
    assert f"search {place.name}.svc.cluster.local svc.cluster.local cluster.local" in [line.strip() for line in resolver]
    assert "options ndots:5" in resolver


def test_a_pod_that_wants_its_full_name_as_host_name_gets_the_tenants(place: Place) -> None:
    place.service("sub", clusterIP="None")
    start(place, "full", hostname="one", subdomain="sub", setHostnameAsFQDN=True)
    assert sh(place, "full", "hostname") == f"one.sub.{place.name}.svc.cluster.local"

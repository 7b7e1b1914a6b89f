"""The lives of the five applications, from apply to removal, as both sides' API servers tell them.

Each is a generator that stops where there is something to be seen inside of the pods: tests on real nodes look there and let it go on, tests on
fake nodes just let it go on.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.apps.application import Application
from tests.e2e.stage import Cluster, Obj, eventually
from tools.planes.api import ApiStatusError

Life = Iterator[str]


# --- shop


def shop(app: Application) -> Life:
    certificate = app.certificate("shop.example.com")
    app.apply()
    app.await_ready(web=2)
    first = page(app)
    eventually("the host has this page only", lambda: on_host(app, "configmaps") == {first})
    has_ingress(app, certificate)
    yield "first"
    app.apply("changed")
    app.await_ready(web=3)
    second = page(app)
    assert second != first
    eventually("the host has the new page only", lambda: on_host(app, "configmaps") == {second})
    assert {pod["spec"]["containers"][0]["image"] for pod in app.place.host_pods()} == {"localhost/agnhost:kled"}
    eventually("the host's service has three addresses", lambda: len(addresses(app.world.host, app.place.on_host, "web")) == 3)
    yield "changed"
    app.remove("changed")


def page(app: Application) -> str:
    found: str = app.place.get("deployments", "web")["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    return found


def on_host(app: Application, plural: str) -> set[str]:
    """Names of our copies in the application's host namespace, made from what the tenant has there."""
    found = app.world.host.list(plural, app.place.on_host, "kled.io/namespace=" + app.name)
    return {one["metadata"]["name"] for one in found if one["metadata"]["name"] in app.world.tenant.names(plural, app.name) - {"kube-root-ca.crt"}}


def has_ingress(app: Application, certificate: str) -> None:
    """The Ingress is on the host with its certificate, and what the host's controller says comes back."""
    there = eventually("the ingress is on the host", lambda: app.place.host("ingresses", "web"))
    assert there["spec"]["ingressClassName"] == "public"
    assert there["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] == "web"
    secret = eventually("its certificate is, too", lambda: app.place.host("secrets", there["spec"]["tls"][0]["secretName"]))
    assert secret["type"] == "kubernetes.io/tls"
    assert base64.b64decode(secret["data"]["tls.crt"]).decode() == certificate
    told = [{"ip": "192.0.2.80"}]
    app.world.host.patch("ingresses", app.place.on_host, "web", {"status": {"loadBalancer": {"ingress": told}}}, sub="status")
    eventually("the tenant sees the address", lambda: app.place.get("ingresses", "web")["status"]["loadBalancer"].get("ingress") == told)


def addresses(cluster: Cluster, namespace: str, service: str) -> set[str]:
    """The ready addresses behind a Service."""
    found = cluster.list("endpointslices", namespace, f"kubernetes.io/service-name={service}")
    ends = [end for one in found for end in one.get("endpoints") or () if (end.get("conditions") or {}).get("ready")]
    return {address for end in ends for address in end["addresses"]}


# --- database


def database(app: Application) -> Life:
    app.apply()
    app.await_ready(db=3)
    before = claims(app)
    assert set(before) == {"data-db-0", "data-db-1", "data-db-2"}
    yield "three"
    app.apply("changed")
    app.await_ready(db=1)
    assert claims(app) == before
    yield "one"
    app.apply()
    app.await_ready(db=3)
    assert claims(app) == before
    yield "three again"
    app.remove()


def claims(app: Application) -> dict[str, tuple[str, ...]]:
    """The claims that are bound on both sides: which they are, and to which volumes."""
    found = {}
    for one in app.world.tenant.list("persistentvolumeclaims", app.name):
        name, there = one["metadata"]["name"], app.place.host("persistentvolumeclaims", one["metadata"]["name"])
        assert (one["status"]["phase"], there["status"]["phase"]) == ("Bound", "Bound"), name
        assert one["spec"]["volumeName"] == there["spec"]["volumeName"]
        found[name] = (one["metadata"]["uid"], there["metadata"]["uid"], one["spec"]["volumeName"])
    return found


# --- operator


def operator(app: Application, install: str = "base") -> Life:
    """`install` is the variant that the operator itself is installed by."""
    app.certificate("webhook.operator.svc" if install == "base" else "127.0.0.1")
    app.apply(install)
    yield "installed"
    workloads = {"controller": 1} if install == "base" else {}
    app.await_ready(**workloads)
    app.apply("site")
    app.await_ready(**workloads, hello=1)
    assert site(app)["spec"]["replicas"] == 1, "the webhook for defaults has filled it in"
    eventually("the operator says that one pod is ready", lambda: site(app)["status"] == {"ready": 1, "observedGeneration": 1})
    assert "9 pods for one site, and 5 are allowed" in app.refused("greedy")
    assert site(app)["spec"]["replicas"] == 1
    yield "first"
    app.apply("changed")
    app.await_ready(**workloads, hello=2)
    eventually("the operator says that both pods are ready", lambda: site(app)["status"] == {"ready": 2, "observedGeneration": 2})
    yield "changed"
    app.kubectl("delete", "-k", str(app.folder / "changed"))
    eventually("what the operator made is gone with the site", lambda: not app.place.pods(site="hello") and not app.place.get("deployments", "hello"))
    app.await_ready(**workloads)
    yield "without a site"
    app.remove(install)


def site(app: Application) -> Obj:
    found: Obj = app.world.tenant.plane.api.get(f"/apis/web.example.com/v1/namespaces/{app.name}/sites/hello")
    return found


# --- reports


def reports(app: Application) -> Life:
    app.apply()
    yield "scheduled"
    eventually("the clock has started a report", lambda: cronjob(app)["status"].get("lastScheduleTime"))
    eventually("and it has succeeded", lambda: cronjob(app)["status"].get("lastSuccessfulTime"))
    for name in ("by-hand-1", "by-hand-2", "by-hand-3"):
        yield report(app, name)
    keeps(app, 3)
    app.apply("changed")
    yield report(app, "by-hand-4")
    keeps(app, 2)
    app.remove("changed")


def report(app: Application, job: str) -> str:
    """A report out of turn; its pod, which has succeeded on both sides."""
    app.kubectl("create", "job", "--namespace", app.name, "--from=cronjob/report", job)
    eventually(f"job {job} is complete", lambda: app.place.get("jobs", job).get("status", {}).get("succeeded") == 1)
    pods = app.place.pods(**{"batch.kubernetes.io/job-name": job})
    assert [pod["status"]["phase"] for pod in pods] == ["Succeeded"]
    name: str = pods[0]["metadata"]["name"]
    assert app.place.host("pods", name)["status"]["phase"] == "Succeeded"
    return name


def keeps(app: Application, count: int) -> None:
    """So many finished Jobs are left, and the host has their pods and no others."""

    def probe() -> bool:
        jobs = [one for one in app.world.tenant.list("jobs", app.name) if one.get("status", {}).get("succeeded")]
        pods = {pod["metadata"]["name"] for pod in app.place.pods()}
        if len(jobs) > count or pods != {pod["metadata"]["name"] for pod in app.place.host_pods()}:
            raise LookupError(f"{len(jobs)} jobs, pods {sorted(pods)}")
        return True

    eventually(f"{count} jobs are kept", probe)


def cronjob(app: Application) -> Obj:
    found: Obj = app.world.tenant.plane.api.get(f"/apis/batch/v1/namespaces/{app.name}/cronjobs/report")
    return found


# --- guarded


def guarded(app: Application) -> Life:
    app.apply()
    app.await_ready(api=2, store=1)  # nobody but the autoscaler asks for two
    assert {one["type"]: one["status"] for one in autoscaler(app)["status"]["conditions"]}["AbleToScale"] == "True"
    assert not autoscalers(app.world.host, app.place.on_host)
    assert opened(app, "store")
    assert opened(app, "api")
    assert not opened(app, "closed")
    eventually("no pod may be missing, on either side", lambda: allowed(app) == (0, 0))
    for cluster, namespace in ((app.world.tenant, app.name), (app.world.host, app.place.on_host)):
        with pytest.raises(ApiStatusError, match="disruption budget"):
            evict(cluster, namespace, app.place.pods(**API)[0])
    yield "two"
    app.apply("changed")
    app.await_ready(api=3, store=1)
    eventually("one pod may be missing, on either side", lambda: allowed(app) == (1, 1))
    eventually("the store is closed on the host", lambda: not opened(app, "store"))
    drained = app.place.pods(**API)[0]
    evict(app.world.host, app.place.on_host, drained)
    eventually("the drained pod leaves the tenant", lambda: not app.place.get("pods", drained["metadata"]["name"]))
    app.await_ready(api=3, store=1)
    yield "three"
    app.remove("changed")


API = {"app.kubernetes.io/name": "api"}


def autoscalers(cluster: Cluster, namespace: str) -> list[Obj]:
    found: list[Obj] = cluster.plane.api.get(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")["items"]
    return found


def autoscaler(app: Application) -> Obj:
    return autoscalers(app.world.tenant, app.name)[0]


def opened(app: Application, policy: str) -> list[Obj]:
    """What a policy lets in on the host, where its selectors must be for this tenant's pods only."""
    spec = eventually(f"policy {policy} is on the host", lambda: app.place.host("networkpolicies", policy))["spec"]
    rules: list[Obj] = spec.get("ingress") or []
    for selector in (spec["podSelector"], *(peer["podSelector"] for rule in rules for peer in rule["from"])):
        assert app.world.tenant_name in str(selector), f"not confined: {selector}"
    return rules


def allowed(app: Application) -> tuple[int, ...]:
    """How many pods may be disrupted in the tenant and on the host."""
    both = (app.place.get("poddisruptionbudgets", "api"), app.place.host("poddisruptionbudgets", "api"))
    return tuple(one.get("status", {}).get("disruptionsAllowed", -1) for one in both)


def evict(cluster: Cluster, namespace: str, pod: Obj) -> None:
    name = pod["metadata"]["name"]
    cluster.create("pods", namespace, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}, sub="eviction")

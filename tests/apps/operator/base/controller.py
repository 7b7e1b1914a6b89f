"""An operator for Sites, as small as one can be: it makes a ConfigMap and a Deployment of each, says how many pods are ready, and answers the
API server's questions about Sites before they are stored.

In a pod everything is where it expects it. Outside of the cluster KUBECONFIG says who it is, CERTIFICATES where its files are, PORT where it listens.
"""

import asyncio
import base64
import contextlib
import json
import os
import ssl
from pathlib import Path

from aiohttp import web
from kubernetes_asyncio import client, config, watch

GROUP, VERSION, PLURAL, CONFIGURATION = "web.example.com", "v1", "sites", "sites-operator"
CERTIFICATES = Path(os.environ.get("CERTIFICATES", "/etc/webhook"))
MOST_REPLICAS = 5
APPLY = "application/apply-patch+yaml"
JSON_PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"


# --- the webhooks


def reviewed(handler):
    """A page that gets an object and says what is to be answered about it."""

    async def page(request):
        asked = (await request.json())["request"]
        return web.json_response(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": asked["uid"], **handler(asked["object"])}}
        )

    return page


def default(site):
    """One pod, if the Site does not say how many."""
    if "replicas" in site["spec"]:
        return {"allowed": True}
    patch = [{"op": "add", "path": "/spec/replicas", "value": 1}]
    return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}


def validate(site):
    wanted = site["spec"]["replicas"]
    if wanted > MOST_REPLICAS:
        return {"allowed": False, "status": {"message": f"spec.replicas: {wanted} pods for one site, and {MOST_REPLICAS} are allowed"}}
    return {"allowed": True}


async def serve(ready):
    async def is_ready(_request):
        return web.Response(status=200 if ready.is_set() else 503)

    app = web.Application()
    app.add_routes([web.post("/default", reviewed(default)), web.post("/validate", reviewed(validate)), web.get("/ready", is_ready)])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATES / "tls.crt", CERTIFICATES / "tls.key")
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, port=int(os.environ.get("PORT", "9443")), ssl_context=tls).start()


async def register(api):
    """Put our authority into both configurations, so that the API server believes our certificate."""
    bundle = base64.b64encode((CERTIFICATES / "ca.crt").read_bytes()).decode()
    patch = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]
    admission = client.AdmissionregistrationV1Api(api)
    for write in (admission.patch_mutating_webhook_configuration, admission.patch_validating_webhook_configuration):
        await write(CONFIGURATION, patch, _content_type=JSON_PATCH)


# --- the controller


def pieces(site):
    """The ConfigMap and the Deployment of a Site. Both are the Site's, and go with it."""
    name, spec = site["metadata"]["name"], site["spec"]
    owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Site", "name": name, "uid": site["metadata"]["uid"], "controller": True}
    metadata = {"name": name, "namespace": site["metadata"]["namespace"], "labels": {"site": name}, "ownerReferences": [owner]}
    page = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"index.html": spec["text"]}}
    server = {
        "name": "site",
        "image": os.environ.get("SITE_IMAGE", "localhost/busybox:kled"),
        "command": ["httpd", "-f", "-p", "8080", "-h", "/www"],
        # A new text makes new pods.
        "env": [{"name": "TEXT", "value": spec["text"]}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/index.html", "port": "http"}, "periodSeconds": 1},
        "volumeMounts": [{"name": "page", "mountPath": "/www"}],
    }
    pod = {"containers": [server], "volumes": [{"name": "page", "configMap": {"name": name}}], "terminationGracePeriodSeconds": 2}
    template = {"metadata": {"labels": {"site": name}}, "spec": pod}
    body = {"replicas": spec["replicas"], "selector": {"matchLabels": {"site": name}}, "template": template}
    return page, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": body}


async def reconcile(api, site):
    name, namespace = site["metadata"]["name"], site["metadata"]["namespace"]
    options = {"field_manager": "sites-operator", "force": True, "_content_type": APPLY}
    page, deployment = pieces(site)
    await client.CoreV1Api(api).patch_namespaced_config_map(name, namespace, page, **options)
    made = await client.AppsV1Api(api).patch_namespaced_deployment(name, namespace, deployment, **options)
    status = {"ready": made.status.ready_replicas or 0, "observedGeneration": site["metadata"]["generation"]}
    if site.get("status") != status:
        write = client.CustomObjectsApi(api).patch_namespaced_custom_object_status
        await write(GROUP, VERSION, namespace, PLURAL, name, {"status": status}, _content_type=MERGE)


async def follow(news, listing, *arguments, **options):
    """Ring whenever something changes; a watch that ends is begun again."""
    while True:
        with contextlib.suppress(client.ApiException, OSError, asyncio.TimeoutError):
            async with watch.Watch() as stream:
                async for _event in stream.stream(listing, *arguments, timeout_seconds=300, **options):
                    news.set()
        await asyncio.sleep(1)


async def main():
    if "KUBECONFIG" in os.environ:
        await config.load_kube_config()
    else:
        config.load_incluster_config()
    ready, news = asyncio.Event(), asyncio.Event()
    async with client.ApiClient() as api:
        await serve(ready)
        await register(api)
        sites = client.CustomObjectsApi(api).list_cluster_custom_object
        deployments = client.AppsV1Api(api).list_deployment_for_all_namespaces
        watches = [
            asyncio.create_task(follow(news, sites, GROUP, VERSION, PLURAL)),
            asyncio.create_task(follow(news, deployments, label_selector="site")),
        ]
        while not any(task.done() for task in watches):
            news.clear()
            try:
                for site in (await sites(GROUP, VERSION, PLURAL))["items"]:
                    if not site["metadata"].get("deletionTimestamp"):
                        await reconcile(api, site)
                ready.set()
            except client.ApiException as error:
                print(f"will be tried again: {error.status} {error.reason} {error.body}", flush=True)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(news.wait(), 5)


if __name__ == "__main__":
    asyncio.run(main())

"""Annotations of Ingresses: what names objects is translated, what reaches beyond the tenant refuses the Ingress, the rest passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncer.core.settings import NamespaceMapping, PolicySettings
from syncer.core.translator import Draft, Purpose, Refusal, Wait
from syncer.testing import FakeView, settings_for
from translators.ingresses import INGRESSES
from translators.metadata import DENIED_DOMAINS

NGINX = "nginx.ingress.kubernetes.io/"


def view(**policy: Any) -> FakeView:
    """Every namespace is one on the host; the tenant has a Service and a Secret in two namespaces, and their copies are there."""
    settings = settings_for(
        "acme",
        NamespaceMapping(shared="one"),
        policy=PolicySettings(ingress_classes={"public": "public"}, **{k: tuple(v) for k, v in policy.items()}),
    )
    tenant, host = {}, {}
    for plural, name in (("services", "shop"), ("secrets", "cert"), ("configmaps", "conf")):
        tenant[plural] = [{"metadata": {"namespace": space, "name": name, "uid": f"{space}-{name}"}} for space in ("web", "vault")]
        host[plural] = [copied(plural, space, name) for space in ("web", "vault")]
    return FakeView(settings, tenant=tenant, host=host)


def copied(plural: str, namespace: str, name: str) -> dict[str, Any]:
    labels = {"kled.io/tenant": "acme", "kled.io/translator": plural, "kled.io/namespace": namespace}
    annotations = {"kled.io/source-namespace": namespace, "kled.io/source-name": name, "kled.io/source-uid": f"{namespace}-{name}"}
    return {"metadata": {"namespace": "one", "name": f"{name}-x-{namespace}-x-acme", "uid": "u", "labels": labels, "annotations": annotations}}


def ingress(annotations: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "web", "name": "i", "uid": "u", "annotations": annotations}, "spec": {"ingressClassName": "public", **spec}}


def answered(key: str, value: str, **policy: Any) -> Any:
    assert INGRESSES.down is not None
    return INGRESSES.down(ingress({key: value}), view(**policy))


def crossed(key: str, value: str, **policy: Any) -> str | None:
    answer = answered(key, value, **policy)
    assert isinstance(answer, Draft), answer
    found: str | None = answer.body["metadata"]["annotations"].get(key)
    return found


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (f"{NGINX}auth-secret", "cert", "cert-x-web-x-acme"),
        (f"{NGINX}auth-secret", "web/cert", "one/cert-x-web-x-acme"),
        (f"{NGINX}auth-tls-secret", "vault/cert", "one/cert-x-vault-x-acme"),
        (f"{NGINX}proxy-ssl-secret", "web/missing", "one/missing-x-web-x-acme"),
        (f"{NGINX}default-backend", "shop", "shop-x-web-x-acme"),
        (f"{NGINX}custom-headers", "web/conf", "one/conf-x-web-x-acme"),
        ("nginx.org/websocket-services", "shop, other", "shop-x-web-x-acme,other-x-web-x-acme"),
        (
            "nginx.org/rewrites",
            "serviceName=shop rewrite=/a/;serviceName=b rewrite=/b",
            "serviceName=shop-x-web-x-acme rewrite=/a/;serviceName=b-x-web-x-acme rewrite=/b",
        ),
        ("haproxy.org/server-crt", "web/cert", "one/cert-x-web-x-acme"),
        ("haproxy-ingress.github.io/auth-tls-secret", "cert", "cert-x-web-x-acme"),
    ],
)
def test_what_names_an_object_names_the_hosts(key: str, value: str, expected: str) -> None:
    assert crossed(key, value) == expected


def test_a_secret_that_an_annotation_names_comes_along() -> None:
    names = view().names
    needs = INGRESSES.needs(ingress({f"{NGINX}auth-secret": "vault/cert"}), names, view().settings)
    assert [need.ref for need in needs if getattr(need, "purpose", None) is Purpose.DEMAND] == [("secrets", "vault", "cert")]


def test_actions_of_a_load_balancer_are_translated_inside_their_json() -> None:
    key = "alb.ingress.kubernetes.io/actions.split"
    value = json.dumps({"type": "forward", "forwardConfig": {"targetGroups": [{"ServiceName": "shop", "servicePort": 80}, {"serviceName": "x"}]}})
    groups = json.loads(crossed(key, value, allow_ingress_annotations=["alb.ingress.kubernetes.io/"]) or "")["forwardConfig"]["targetGroups"]
    assert [group.get("ServiceName") or group.get("serviceName") for group in groups] == ["shop-x-web-x-acme", "x-x-web-x-acme"]
    assert crossed(key, value) is None


def test_a_backend_that_is_an_action_keeps_its_name_only_where_actions_are_let_in() -> None:
    key, backend = "alb.ingress.kubernetes.io/actions.split", {"service": {"name": "split", "port": {"name": "use-annotation"}}}
    asked = ingress({key: "{}"}, defaultBackend=backend)
    assert INGRESSES.down is not None
    names = []
    for around in (view(allow_ingress_annotations=["alb.ingress.kubernetes.io/"]), view()):
        answer = INGRESSES.down(asked, around)
        assert isinstance(answer, Draft)
        names.append(answer.body["spec"]["defaultBackend"]["service"]["name"])
    assert names == ["split", "split-x-web-x-acme"]


@pytest.mark.parametrize("value", ["not json", "[" * 100000, "x" * 70000])
def test_json_that_cannot_be_read_refuses_the_ingress(value: str) -> None:
    answer = answered("alb.ingress.kubernetes.io/actions.a", value, allow_ingress_annotations=["alb.ingress.kubernetes.io/"])
    assert isinstance(answer, Refusal)


# Payloads as they were published with the advisories, shortened.
HOSTILE = [
    (f"{NGINX}configuration-snippet", "return 200;"),
    (f"{NGINX}server-snippet", "location /x { return 200; }"),
    (f"{NGINX}auth-snippet", "proxy_set_header a b;"),
    (f"{NGINX}modsecurity-snippet", "SecRuleEngine On"),
    (f"{NGINX}stream-snippet", "server { listen 1; }"),
    (f"{NGINX}permanent-redirect", "https://x.example.com;}location ~* \"^/flag(/|$)(.*)\" {content_by_lua 'x';}{"),
    (f"{NGINX}auth-tls-match-cn", "CN=abc #(\n){}\n }}\nssl_engine ../../tmp/x"),
    (f"{NGINX}auth-url", "http://example.com/#;load_module test;\n"),
    (f"{NGINX}mirror-target", "https://x.example.com/;\nlua_package_path x"),
    (f"{NGINX}rewrite-target", "/a\nlocation /b"),
    (f"{NGINX}auth-url", "http://auth.kube-system.svc.cluster.local/"),
    (f"{NGINX}auth-url", "http://169.254.169.254/latest/meta-data"),
    (f"{NGINX}auth-url", "http://10.96.0.1/"),
    (f"{NGINX}auth-url", "http://[::1]/"),
    (f"{NGINX}auth-url", "http://2130706433/"),
    (f"{NGINX}auth-url", "http://127.1/"),
    (f"{NGINX}auth-url", "http://intern/"),
    (f"{NGINX}auth-url", "http://$host/x"),
    (f"{NGINX}mirror-target", "https://db.other.svc/"),
    ("haproxy-ingress.github.io/auth-url", "svc://other/auth:8080"),
    (f"{NGINX}server-alias", "~^(.+)$"),
    ("haproxy-ingress.github.io/server-alias-regex", ".*"),
    ("haproxy-ingress.github.io/config-backend", "http-request deny"),
    ("haproxy.org/backend-config-snippet", "http-request deny"),
    ("haproxy.org/cr-backend", "other/backend"),
    ("nginx.org/server-snippets", "return 200"),
    ("nginx.org/policies", "other"),
    ("traefik.ingress.kubernetes.io/router.middlewares", "other-auth@kubernetescrd"),
    ("traefik.ingress.kubernetes.io/router.tls.options", "other-x@kubernetescrd"),
    ("konghq.com/plugins", "key-auth"),
    ("kubernetes.io/ingress.global-static-ip-name", "of-the-host"),
    ("appgw.ingress.kubernetes.io/appgw-ssl-certificate", "of-the-host"),
    ("alb.ingress.kubernetes.io/group.name", "shared"),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE)
def test_what_reaches_beyond_the_tenant_refuses_the_ingress(key: str, value: str) -> None:
    answer = answered(key, value)
    assert isinstance(answer, Refusal)
    assert answer.field == f"metadata.annotations[{key}]"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{NGINX}proxy-read-timeout", "60"),
        (f"{NGINX}rewrite-target", "/$2"),
        (f"{NGINX}canary", "true"),
        (f"{NGINX}canary-by-header", "x"),
        (f"{NGINX}whitelist-source-range", "192.0.2.0/24,198.51.100.0/24"),
        (f"{NGINX}auth-url", "https://auth.example.com/check"),
        (f"{NGINX}auth-signin", "https://auth.example.com/start?rd=$escaped_request_uri"),
        ("traefik.ingress.kubernetes.io/router.entrypoints", "websecure"),
        ("haproxy.org/timeout-server", "5s"),
        ("example.com/anything", "a;b{c}"),
    ],
)
def test_what_does_no_harm_passes_as_it_is(key: str, value: str) -> None:
    assert crossed(key, value) == value


@pytest.mark.parametrize(
    "key",
    ["cert-manager.io/cluster-issuer", "kubernetes.io/tls-acme", "external-dns.alpha.kubernetes.io/hostname", "alb.ingress.kubernetes.io/scheme"],
)
def test_what_other_controllers_of_the_host_would_act_on_is_left_out_and_named(key: str) -> None:
    answer = answered(key, "x")
    assert isinstance(answer, Draft)
    assert key not in answer.body["metadata"]["annotations"]
    assert [field for field, _ in answer.dropped] == [f"metadata.annotations[{key}]"]


def test_the_hosts_administrator_opens_keys_one_by_one() -> None:
    assert crossed("cert-manager.io/cluster-issuer", "x", allow_ingress_annotations=["cert-manager.io/cluster-issuer"]) == "x"
    assert crossed(f"{NGINX}configuration-snippet", "return 200", allow_ingress_annotations=[f"{NGINX}configuration-snippet"]) == "return 200"
    assert crossed("kubernetes.io/tls-acme", "true", allow_ingress_annotations=["kubernetes.io/tls*"]) == "true"


def test_a_prefix_does_not_open_what_is_refused_by_name() -> None:
    assert isinstance(answered(f"{NGINX}server-snippet", "x", allow_ingress_annotations=[NGINX]), Refusal)


def test_our_own_prefix_cannot_be_opened() -> None:
    assert crossed("kled.io/tenant", "other", allow_ingress_annotations=["kled.io/"]) is None


def test_aliases_are_host_names() -> None:
    answer = answered(f"{NGINX}server-alias", "a.acme.example.com, b.other.example.com", ingress_hosts=["*.acme.example.com"])
    assert isinstance(answer, Refusal)
    assert "b.other.example.com" in answer.message
    assert crossed(f"{NGINX}server-alias", "a.acme.example.com", ingress_hosts=["*.acme.example.com"]) == "a.acme.example.com"


def test_a_secret_that_is_not_on_the_host_yet_is_waited_for() -> None:
    around = view()
    around = FakeView(around.settings, tenant={"secrets": [{"metadata": {"namespace": "web", "name": "cert", "uid": "x"}}]})
    assert INGRESSES.down is not None
    assert isinstance(INGRESSES.down(ingress({f"{NGINX}auth-secret": "cert"}), around), Wait)


def test_the_domains_left_out_are_those_that_other_controllers_read() -> None:
    assert {"cert-manager.io", "external-dns.alpha.kubernetes.io", "alb.ingress.kubernetes.io"} <= DENIED_DOMAINS

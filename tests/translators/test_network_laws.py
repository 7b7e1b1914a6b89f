"""The laws, on samples of every network kind with all that it may refer to around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from kind_cases import BY_NAME

from syncer.core.names import Names
from syncer.core.objects import GATEWAYS, PODS, SECRETS, SERVICES, Ref, Resource
from syncer.core.settings import KindSettings, PolicySettings
from syncer.testing import Sample, check_laws, settings_for, stamped
from syncer.testing.samples import Around

GROUP = "gateway.networking.k8s.io"
POLICY = PolicySettings(gateways={"infra/public": "gateways/shared"}, ingress_classes={"mine": "theirs"})
SETTINGS = settings_for("acme", None)
SETTINGS = replace(SETTINGS, policy=POLICY, kinds={"gatewayclasses": KindSettings(name="gatewayclasses", names=("*",))})
HERE = {"shop": SERVICES, "cert": SECRETS, "front": GATEWAYS}
SPECS: dict[str, dict[str, Any]] = {
    "shop": {"selector": {"app": "shop"}, "ports": [{"port": 80}]},
    "front": {"listeners": [{"name": "a", "port": 80}]},
}
CONDITION = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": "2030-01-01T00:00:00Z"}


def tenant() -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {
        "namespaces": [{"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, "team": "a"}}} for name in ("web", "vault")]
    }
    for name, kind in HERE.items():
        made[kind.plural] = [{"metadata": {"namespace": "web", "name": name}, "spec": SPECS.get(name, {})}]
    made["services"] += [
        {"metadata": {"namespace": "web", "name": "db"}, "spec": {"clusterIP": "None"}},
        {"metadata": {"namespace": "kube-system", "name": "kube-dns"}, "spec": {"selector": {"k8s-app": "dns"}, "ports": [{"port": 53}]}},
    ]
    made["pods"] = [{"metadata": {"namespace": "web", "name": "mine"}, "spec": {}}]
    grant = {"from": [{"group": GROUP, "kind": "HTTPRoute", "namespace": "web"}], "to": [{"group": "", "kind": "Service"}]}
    made["referencegrants"] = [{"metadata": {"namespace": "vault", "name": "g"}, "spec": grant}]
    made["services"].append({"metadata": {"namespace": "vault", "name": "safe"}, "spec": {}})
    return made


def host(names: Names) -> dict[str, list[Any]]:
    def copy(kind: Resource, namespace: str, name: str, **more: Any) -> dict[str, Any]:
        meta = {"namespace": names.namespace(namespace), "name": names.name(kind, namespace, name)}
        return stamped({"metadata": meta, **more}, tenant="acme", translator=kind.plural, source=Ref(kind.plural, namespace, name))

    made: dict[str, list[Any]] = {kind.plural: [copy(kind, "web", name)] for name, kind in HERE.items()}
    made["services"] += [copy(SERVICES, "web", "db"), copy(SERVICES, "vault", "safe")]
    made["pods"] = [copy(PODS, "web", "mine", spec={}, status={"phase": "Running", "podIPs": [{"ip": "10.244.1.7"}]})]
    made["nodes"] = [{"metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.244.1.0/24"]}}]
    made["servicecidrs"] = [{"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/16"]}}]
    made["gatewayclasses"] = [{"metadata": {"name": "shared"}}]
    return made


AROUND: tuple[dict[str, list[Any]], Around] = (tenant(), host)


def sample(name: str, body: dict[str, Any], status: dict[str, Any] | None = None, **meta: Any) -> Sample:
    source = {"metadata": {"namespace": "web", "name": name, "generation": 1, **meta}, **body}
    return Sample(source=source, settings=SETTINGS, tenant=AROUND[0], host=AROUND[1], host_status=status)


PARENTS = [{"group": GROUP, "kind": "Gateway", "name": "front"}, {"name": "public", "namespace": "infra"}]
RULES = [{"backendRefs": [{"group": "", "kind": "Service", "name": "shop", "port": 80}, {"name": "safe", "namespace": "vault", "port": 80}]}]
SAID = {"parents": [{"parentRef": {"name": "shared", "namespace": "gateways"}, "controllerName": "example.com/c", "conditions": [CONDITION]}]}
BACKEND = {"service": {"name": "shop", "port": {"number": 80}}}
SAMPLES: dict[str, Callable[[], list[Sample]]] = {
    "ingresses": lambda: [
        sample(
            "i",
            {
                "spec": {
                    "ingressClassName": "mine",
                    "rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}],
                    "tls": [{"hosts": ["a.example.com"], "secretName": "cert"}],
                }
            },
            {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
            annotations={"nginx.ingress.kubernetes.io/auth-secret": "web/cert", "nginx.ingress.kubernetes.io/default-backend": "shop"},
        ),
        sample("j", {"spec": {"defaultBackend": BACKEND}}, annotations={"kubernetes.io/ingress.class": "mine"}),
        sample("k", {"spec": {"defaultBackend": BACKEND}}),
    ],
    "networkpolicies": lambda: [
        sample(
            "n",
            {
                "spec": {
                    "podSelector": {},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}, {"podSelector": {"matchLabels": {"x": "y"}}}]}],
                    "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"protocol": "TCP", "port": 80, "endPort": 90}]}, {}],
                }
            },
        ),
        sample("o", {"spec": {"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Ingress"]}}),
    ],
    "endpointslices": lambda: [
        sample(
            "e",
            {
                "addressType": "IPv4",
                "endpoints": [
                    {"addresses": ["192.168.1.1"], "conditions": {"ready": True}},
                    {"addresses": ["10.244.1.7"], "conditions": {}, "targetRef": {"kind": "Pod", "namespace": "web", "name": "mine"}},
                    {"addresses": ["10.244.1.7"], "conditions": {}},
                    {"addresses": ["127.0.0.1"], "conditions": {}},
                ],
                "ports": [{"name": "", "protocol": "TCP", "port": 80}],
            },
            labels={"kubernetes.io/service-name": "db"},
        ),
        sample("f", {"addressType": "IPv4", "endpoints": []}, labels={"kubernetes.io/service-name": "shop"}),
        sample("g", {"addressType": "IPv4", "endpoints": []}),
    ],
    "gateways": lambda: [
        sample(
            "w",
            {
                "spec": {
                    "gatewayClassName": "shared",
                    "listeners": [
                        {
                            "name": "a",
                            "port": 443,
                            "protocol": "HTTPS",
                            "hostname": "a.example.com",
                            "tls": {"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": "cert"}]},
                            "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}},
                        }
                    ],
                }
            },
            {"conditions": [{**CONDITION, "observedGeneration": 1}], "addresses": [{"type": "IPAddress", "value": "192.0.2.1"}], "listeners": []},
        )
    ],
    "httproutes": lambda: [
        sample("r", {"spec": {"parentRefs": PARENTS, "hostnames": ["a.example.com"], "rules": RULES}}, SAID),
        sample("alone", {"spec": {"parentRefs": [{"name": "nobody"}], "rules": RULES}}),
    ],
    "grpcroutes": lambda: [sample("r", {"spec": {"parentRefs": PARENTS, "rules": RULES[:1]}}, SAID)],
    "tlsroutes": lambda: [sample("r", {"spec": {"parentRefs": PARENTS, "hostnames": ["a.example.com"], "rules": RULES[:1]}}, SAID)],
    "tcproutes": lambda: [sample("r", {"spec": {"parentRefs": PARENTS, "rules": RULES[:1]}}, SAID)],
    "referencegrants": lambda: [
        sample(
            "g",
            {
                "spec": {
                    "from": [{"group": GROUP, "kind": "HTTPRoute", "namespace": "vault"}],
                    "to": [{"group": "", "kind": "Service", "name": "shop"}],
                }
            },
        )
    ],
    "backendtlspolicies": lambda: [
        sample(
            "b",
            {"spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "shop"}], "validation": {"hostname": "shop.example.com"}}},
            {
                "ancestors": [
                    {"ancestorRef": {"name": "shared", "namespace": "gateways"}, "controllerName": "example.com/c", "conditions": [CONDITION]}
                ]
            },
        )
    ],
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_laws_hold(kind: str) -> None:
    check_laws(BY_NAME[kind], SAMPLES[kind]())


@pytest.mark.parametrize("kind", SAMPLES)
def test_what_a_class_or_reference_does_not_know_is_not_fatal(kind: str) -> None:
    """A tenant object may hold next to nothing: its own API server may be anybody's."""
    from syncer.testing import FakeView

    bare = {"metadata": {"namespace": "web", "name": "x", "uid": "u"}}
    view = FakeView(SETTINGS)
    translator = BY_NAME[kind]
    assert translator.down is not None
    tuple(translator.needs(bare, view.names, SETTINGS))
    translator.down(bare, view)

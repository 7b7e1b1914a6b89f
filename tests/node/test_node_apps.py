"""Whole applications on real nodes: what their users would see, looked at from inside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.apps import lives
from tests.apps.application import Application, offered, opening
from tests.e2e.provisioner import Provisioner
from tests.e2e.stage import Obj, Place, World, eventually, is_ready
from tests.node.inside import become, environment, python, sh, start


class Folders(Provisioner):
    """Makes volumes of folders on the node that the scheduler chose."""

    def source(self, claim: Obj) -> Obj:
        return {"hostPath": {"path": f"/var/lib/volumes/{claim['metadata']['uid']}", "type": "DirectoryOrCreate"}}


Open = Callable[[str], Application]


@pytest.fixture(scope="module", autouse=True)
def of_the_host(everything: World) -> Iterator[None]:
    with offered(everything, Folders(everything.host)):
        yield


@pytest.fixture(scope="module")
def visitor(everything: World) -> Place:
    """A namespace of another user of the tenant, with a pod `visitor` that can look around."""
    place = everything.place()
    start(place, "visitor")
    return place


@pytest.fixture(scope="module", autouse=True)
def reports(of_the_host: None, visitor: Place, everything: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Application, lives.Life]:
    """Begun before the others, because its clock takes up to a minute."""
    app = Application.open(everything, "reports", tmp_path_factory.mktemp("reports"))
    life = lives.reports(app)
    assert next(life) == "scheduled"
    return app, life


@pytest.fixture
def opened(world: World, tmp_path: Path) -> Iterator[Open]:
    with opening(world, tmp_path) as open_one:
        yield open_one


def sees(visitor: Place, address: str, text: str) -> None:
    """The visitor gets this text from there."""
    become(visitor, "visitor", f"timeout 5 wget -q -O - http://{address}", text)


def test_a_shop_answers_at_its_cluster_ip_with_what_it_is_configured_to_say(opened: Open, visitor: Place) -> None:
    app = opened("shop")
    texts = {"first": "Apples, two for one", "changed": "Pears, fresh today"}
    for moment in lives.shop(app):
        sees(visitor, app.place.get("services", "web")["spec"]["clusterIP"], texts.pop(moment))
        sees(visitor, "web.shop", sh(visitor, "visitor", "wget -q -O - http://web.shop.svc.cluster.local"))
        assert {environment(app.place, pod["metadata"]["name"], "web")["SESSION_KEY"] for pod in app.place.pods(app="web")} == {"a-key-for-sessions"}
    assert not texts


def test_the_members_of_a_database_find_each_other_and_their_data_survives_scaling(opened: Open) -> None:
    app = opened("database")
    place, life = app.place, lives.database(app)
    assert next(life) == "three"
    for member in ("db-0", "db-1", "db-2"):
        sh(place, member, f"echo row of {member} > /data/row", "db")
    for member, peer in (("db-0", "db-2"), ("db-1", "db-0"), ("db-2", "db-1")):
        become(place, member, f"timeout 5 wget -q -O - http://{peer}.db:5432/row", f"row of {peer}", "db")
    assert next(life) == "one"
    become(place, "db-0", "nslookup db-2.db.database.svc.cluster.local > /dev/null && echo there || echo gone", "gone", "db")
    assert next(life) == "three again"
    starts = {member: sh(place, member, "cat /data/row; cat /data/starts", "db").splitlines() for member in ("db-0", "db-1", "db-2")}
    assert starts == {
        "db-0": ["row of db-0", "db-0"],
        "db-1": ["row of db-1", "db-1", "db-1"],
        "db-2": ["row of db-2", "db-2", "db-2"],
    }
    become(place, "db-0", "timeout 5 wget -q -O - http://db-2.db:5432/row", "row of db-2", "db")
    assert not list(life)


def test_an_operator_in_the_tenant_is_asked_by_its_api_server_and_makes_what_it_is_told(opened: Open, visitor: Place) -> None:
    app = opened("operator")
    texts = {"first": "Hello from a custom resource", "changed": "Hello again"}
    for moment in lives.operator(app):
        for pod in app.place.pods(site="hello"):
            sees(visitor, f"{pod['status']['podIP']}:8080", texts[moment])
        if moment == "without a site":
            app.kubectl("scale", "--namespace", app.name, "deployment/controller", "--replicas=0")
            app.await_ready(controller=0)
            assert "failed calling webhook" in app.refused("site"), "it fails closed"


def answers_inside_of_the_host(app: Application) -> str:
    """What the webhook says to a pod of the host that is not the tenant's, as its control plane is where it runs in one: at the ClusterIP that both
    sides know, under the name that its certificate is for."""
    host, space = app.world.planes.host, app.world.own_namespace
    script = (
        "import http.client, socket, ssl, sys\n"
        "address, authority = sys.argv[1:]\n"
        "tls = ssl.create_default_context(cadata=authority)\n"
        "link = http.client.HTTPSConnection('webhook.operator.svc', context=tls)\n"
        "link.sock = tls.wrap_socket(socket.create_connection((address, 443), 10), server_hostname='webhook.operator.svc')\n"
        "link.request('GET', '/ready')\n"
        "print(link.getresponse().status)"
    )
    address = app.place.get("services", "webhook")["spec"]["clusterIP"]
    pod = {
        "metadata": {"name": "asking"},
        "spec": {"containers": [python()], "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False},
    }
    app.world.host.create("pods", space, pod)
    try:
        eventually("the pod is ready", lambda: is_ready(app.world.host.get("pods", space, "asking")))
        authority = (app.folder / "base/ca.crt").read_text()
        return host.kubectl("exec", "--namespace", space, "asking", "--", "python3", "-c", script, address, authority).strip()
    finally:
        app.world.host.delete("pods", space, "asking")


def test_a_guarded_application_runs_locked_down_and_answers(opened: Open, visitor: Place) -> None:
    app = opened("guarded")
    for _moment in lives.guarded(app):
        pods = {pod["metadata"]["name"] for pod in app.place.pods(**lives.API)}
        assert sh(visitor, "visitor", "timeout 5 wget -q -O - http://api.guarded/hostname") in pods
        for pod in pods:
            assert sh(app.place, pod, "id -u; touch /file 2>&1 | grep -o Read-only", "api").split() == ["10001", "Read-only"]


def test_a_report_prints_the_digest_of_its_secret_under_its_title(reports: tuple[Application, lives.Life]) -> None:
    app, life = reports
    said = [app.world.planes.host.kubectl("logs", "--namespace", app.place.on_host, pod).split()[:2] for pod in life]
    assert said == [*3 * [["Sales", digest("a-key-for-reports")]], ["Stock", digest("another-key-for-reports")]]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

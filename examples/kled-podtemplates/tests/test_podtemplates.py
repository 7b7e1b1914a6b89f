from kled_podtemplates import PODTEMPLATES

from syncer.testing import Sample, check_laws

pytest_plugins = ("syncer.testing.fixtures",)
CONTAINER = {"name": "main", "image": "batch:1", "env": [{"name": "A", "value": "b"}]}
TEMPLATE = {"metadata": {"namespace": "web", "name": "nightly"}, "template": {"spec": {"containers": [CONTAINER]}}}


def test_podtemplates_keep_the_laws():
    check_laws(PODTEMPLATES, [Sample(source=TEMPLATE)])


def test_the_image_crosses_and_the_environment_stays(bench):
    there = bench(PODTEMPLATES, TEMPLATE).settle()
    assert there["template"]["spec"]["containers"] == [{"name": "main", "image": "batch:1"}]

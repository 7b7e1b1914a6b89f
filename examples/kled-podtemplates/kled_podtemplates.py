"""PodTemplates: which images a tenant's batch system would start, for a controller on the host that fetches images ahead of time."""

from syncer.core.objects import Obj, Resource
from syncer.core.translator import Answer, Draft, Each, Path, Skip, Translator, View
from translators.metadata import down_metadata

PODTEMPLATE = Resource("", "v1", "podtemplates", "PodTemplate")
CONTAINERS: Path = ("template", "spec", "containers", Each("name"))
KNOWN = {"name", "image", "imagePullPolicy"}


def down(obj: Obj, view: View) -> Answer:
    """The host's object, from fields that are listed: what this version does not know stays behind and is named."""
    labels, annotations, dropped = down_metadata(obj, view)
    containers = obj.get("template", {}).get("spec", {}).get("containers") or []
    if not containers:
        return Skip("it names no image")
    kept = [{key: one[key] for key in one if key in KNOWN} for one in containers]
    left = sorted({f"template.spec.containers[*].{key}" for one in containers for key in one if key not in KNOWN})
    body = {"metadata": {"labels": labels, "annotations": annotations}, "template": {"spec": {"containers": kept}}}
    return Draft(body, (*dropped, *((field, "not needed to fetch an image") for field in left)))


PODTEMPLATES = Translator(
    name="podtemplates",
    source=PODTEMPLATE,
    tenant_owns=(CONTAINERS, (*CONTAINERS, "image"), (*CONTAINERS, "imagePullPolicy")),
    host_owns=(),
    down=down,
)

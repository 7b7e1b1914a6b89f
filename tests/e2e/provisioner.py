"""A storage provisioner for the host, as small as it can be: it makes, grows and removes volumes as the real ones do, of nothing.

It acts as those do that are built on the external-provisioner, -resizer and -snapshotter: it waits for the annotation by which the host's own
controller hands it a claim, makes a volume that names the claim with its uid, and leaves the binding to that controller.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from tests.e2e.stage import Cluster, Obj
from tools.planes.api import ApiStatusError

DRIVER = "disks.test.kled.dev"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
SECRET_HANDLE = "backend-handle-of-nobodys-business"
HANDS_OFF = "test.kled.dev/no-volume"
"""Label of a claim that no volume can be made for: `always`, or `once`, at the first try."""


class Provisioner:
    """Works in a thread of its own between `start` and `stop`."""

    def __init__(self, host: Cluster) -> None:
        self.host = host
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.failures: list[str] = []
        self.refused: set[str] = set()

    def start(self) -> Provisioner:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._over.wait(0.25):
            for step in (self._claims, self._volumes, self._snapshots):
                self._try(step)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except ApiStatusError as error:
            if error.code not in (404, 409):
                self.failures.append(traceback.format_exc())
        except OSError:
            pass  # the server is ending

    def _claims(self) -> None:
        classes = {one["metadata"]["name"]: one for one in self.host.list("storageclasses")}
        for claim in self.host.list("persistentvolumeclaims"):
            storage = classes.get(claim["spec"].get("storageClassName", ""))
            if storage is None or storage["provisioner"] != DRIVER or claim["metadata"].get("deletionTimestamp"):
                continue
            if not claim["spec"].get("volumeName"):
                self._provision(claim, storage)
            elif claim["status"].get("phase") == "Bound":
                self._resize(claim)
                self._modify(claim)

    def _provision(self, claim: Obj, storage: Obj) -> None:
        meta = claim["metadata"]
        marks = meta.get("annotations", {})
        if marks.get(PROVISIONER) != DRIVER or (storage["volumeBindingMode"] == "WaitForFirstConsumer" and SELECTED_NODE not in marks):
            return
        unable = meta.get("labels", {}).get(HANDS_OFF)
        if unable == "always" or (unable == "once" and meta["uid"] not in self.refused):
            self._give_up(claim)
            return
        name = f"pvc-{meta['uid']}"
        spec = {
            **self.source(claim),
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
            "storageClassName": storage["metadata"]["name"],
            "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **{key: meta[key] for key in ("namespace", "name", "uid")}},
        }
        if claim["spec"].get("volumeAttributesClassName"):
            spec["volumeAttributesClassName"] = claim["spec"]["volumeAttributesClassName"]
        if SELECTED_NODE in marks:
            term = {"key": "kubernetes.io/hostname", "operator": "In", "values": [marks[SELECTED_NODE]]}
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}
        body = {"metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER}}, "spec": spec}
        self.host.create("persistentvolumes", "", body)

    def source(self, claim: Obj) -> Obj:
        """Where the data is; for nodes that mount nothing, a backend that is full of secrets."""
        handle = f"{SECRET_HANDLE}-{claim['metadata']['uid']}"
        attributes, secret = {"pool": "gold", "secret": "s3cr3t"}, {"name": "admin-key", "namespace": "kube-system"}
        disk = {"driver": DRIVER, "volumeHandle": handle, "volumeAttributes": attributes, "nodeStageSecretRef": secret}
        return {"mountOptions": ["credentials=/etc/secret"], "csi": disk}

    def _give_up(self, claim: Obj) -> None:
        """As the real one: say why, and let the scheduler choose another node."""
        meta, node = claim["metadata"], claim["metadata"]["annotations"].get(SELECTED_NODE, "")
        if meta["uid"] not in self.refused:
            self.refused.add(meta["uid"])
            about = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **{key: meta[key] for key in ("namespace", "name", "uid")}}
            text = (
                f'failed to provision volume with StorageClass "{claim["spec"]["storageClassName"]}": no room for {meta["namespace"]}/{meta["name"]}'
            )
            body = {"involvedObject": about, "reason": "ProvisioningFailed", "message": text, "type": "Warning", "source": {"component": DRIVER}}
            self.host.create("events", meta["namespace"], {"metadata": {"generateName": f"{meta['name']}."}, **body})
        if node:
            gone = {"metadata": {"resourceVersion": meta["resourceVersion"], "annotations": {SELECTED_NODE: None}}}
            self.host.patch("persistentvolumeclaims", meta["namespace"], meta["name"], gone)

    def _resize(self, claim: Obj) -> None:
        wanted, there = claim["spec"]["resources"]["requests"]["storage"], claim["status"]["capacity"]["storage"]
        if wanted == there:
            return
        capacity = {"storage": wanted}
        self.host.patch("persistentvolumes", "", claim["spec"]["volumeName"], {"spec": {"capacity": capacity}})
        status = {"status": {"capacity": capacity}}
        self.host.patch("persistentvolumeclaims", claim["metadata"]["namespace"], claim["metadata"]["name"], status, sub="status")

    def _modify(self, claim: Obj) -> None:
        wanted = claim["spec"].get("volumeAttributesClassName")
        if not wanted or claim["status"].get("currentVolumeAttributesClassName") == wanted:
            return
        self.host.patch("persistentvolumes", "", claim["spec"]["volumeName"], {"spec": {"volumeAttributesClassName": wanted}})
        status = {"status": {"currentVolumeAttributesClassName": wanted}}
        self.host.patch("persistentvolumeclaims", claim["metadata"]["namespace"], claim["metadata"]["name"], status, sub="status")

    def _volumes(self) -> None:
        for volume in self.host.list("persistentvolumes"):
            spec, ours = volume["spec"], volume["metadata"].get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == DRIVER
            if ours and volume["status"].get("phase") == "Released" and spec["persistentVolumeReclaimPolicy"] == "Delete":
                self.host.delete("persistentvolumes", "", volume["metadata"]["name"])

    def _snapshots(self) -> None:
        try:
            found = self.host.list("volumesnapshots")
        except ApiStatusError:
            return  # the kinds are not installed
        for snapshot in found:
            meta, status = snapshot["metadata"], snapshot.get("status") or {}
            if meta.get("deletionTimestamp") or status.get("readyToUse"):
                continue
            claim = self.host.get("persistentvolumeclaims", meta["namespace"], snapshot["spec"]["source"].get("persistentVolumeClaimName", ""))
            if not claim.get("spec", {}).get("volumeName"):
                continue
            self._take(snapshot, claim)

    def _take(self, snapshot: Obj, claim: Obj) -> None:
        meta = snapshot["metadata"]
        name = f"snapcontent-{meta['uid']}"
        if not self.host.get("volumesnapshotcontents", "", name):
            ref = {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", **{key: meta[key] for key in ("namespace", "name", "uid")}}
            volume = self.host.get("persistentvolumes", "", claim["spec"]["volumeName"])
            spec = {"deletionPolicy": "Delete", "driver": DRIVER, "volumeSnapshotRef": ref, "sourceVolumeMode": "Filesystem"}
            spec |= {"source": {"volumeHandle": volume["spec"]["csi"]["volumeHandle"]}}
            spec |= {"volumeSnapshotClassName": snapshot["spec"].get("volumeSnapshotClassName", "")}
            kind = {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent"}
            self.host.create("volumesnapshotcontents", "", {**kind, "metadata": {"name": name}, "spec": spec})
        size, at = claim["status"]["capacity"]["storage"], "2030-01-01T00:00:00Z"
        done = {"readyToUse": True, "snapshotHandle": f"{SECRET_HANDLE}-snapshot", "creationTime": 1893456000000000000, "restoreSize": 1 << 30}
        self.host.patch("volumesnapshotcontents", "", name, {"status": done}, sub="status")
        told = {"readyToUse": True, "boundVolumeSnapshotContentName": name, "restoreSize": size, "creationTime": at}
        self.host.patch("volumesnapshots", meta["namespace"], meta["name"], {"status": told}, sub="status")

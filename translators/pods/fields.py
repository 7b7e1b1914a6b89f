"""Every field of a pod and what becomes of it: one table, as data.

A host pod is built from this table: what it does not name does not cross, and the tenant gets an event that names the field. `docs/pods.md` is
written from it, and a test holds it against the OpenAPI document of the Kubernetes version this is built for, so that a field that is new in
Kubernetes is a decision here before it is a fact on a node.

    PASS      crosses unchanged; `shape` is the definition that its content is held against
    REWRITE   crosses in another form, or is replaced by one of ours
    DROP      stays in the tenant; with `tell`, an event says so
    REFUSE    the pod is not put on the host, an event says why
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    PASS = "pass"
    REWRITE = "rewrite"
    DROP = "drop"
    REFUSE = "refuse"


class Rule(NamedTuple):
    verdict: Verdict
    reason: str = ""
    shape: str = ""
    """Definition of the value, or of the items of a list. Empty: a scalar, a list of scalars or a free map."""
    tell: bool = False


def _pass(shape: str = "") -> Rule:
    return Rule(Verdict.PASS, shape=shape)


def _rewrite(reason: str, shape: str = "") -> Rule:
    return Rule(Verdict.REWRITE, reason, shape)


def _drop(reason: str, *, tell: bool = False) -> Rule:
    return Rule(Verdict.DROP, reason, tell=tell)


def _refuse(reason: str) -> Rule:
    return Rule(Verdict.REFUSE, reason)


def _plain(*names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, _pass())


_REFERENCE = _rewrite("the host name of our copy; the pod waits until it is there")
_PINNED = "the tenant's scheduler has honoured it; the host pod is pinned to the node it chose"

POD_SPEC: dict[str, Rule] = {
    "activeDeadlineSeconds": _pass(),
    "affinity": _rewrite(
        "pod (anti-)affinity is confined to this tenant and the namespaces meant; node affinity is replaced by the chosen node", "Affinity"
    ),
    "automountServiceAccountToken": _rewrite("always false: no host token in a tenant's pod"),
    "containers": _rewrite("see Container", "Container"),
    "dnsConfig": _rewrite("merged with the tenant's cluster DNS, as the kubelet does it", "PodDNSConfig"),
    "dnsPolicy": _rewrite("ClusterFirst becomes None with the tenant's DNS service; Default and None pass"),
    "enableServiceLinks": _rewrite("false on the host; the variables of the tenant's services are written out"),
    "ephemeralContainers": _rewrite("see EphemeralContainer; added through the subresource", "EphemeralContainer"),
    "hostAliases": _pass("HostAlias"),
    "hostIPC": _pass(),
    "hostNetwork": _pass(),
    "hostPID": _pass(),
    "hostUsers": _pass(),
    "hostname": _rewrite("set to the tenant pod's name where the host pod is called differently"),
    "hostnameOverride": _rewrite("passes; also holds the tenant's FQDN where setHostnameAsFQDN asks for it"),
    "imagePullSecrets": _rewrite("the host names of our copies; those that do not exist are left out, as the kubelet does", "LocalObjectReference"),
    "initContainers": _rewrite("see Container", "Container"),
    "nodeName": _rewrite("never sent; becomes required node affinity, so that the host's scheduler still verifies"),
    "nodeSelector": _drop(_PINNED),
    "os": _pass("PodOS"),
    "overhead": _drop("computed by the host's admission from its own RuntimeClass"),
    "preemptionPolicy": _drop("follows from the host's PriorityClass"),
    "priority": _drop("follows from the host's PriorityClass"),
    "priorityClassName": _rewrite(
        "the host class that policy.priorityClasses maps it to, or that is offered by that name; else dropped with an event"
    ),
    "readinessGates": _pass("PodReadinessGate"),
    "resourceClaims": _rewrite("our copies of the claims, templates' claims too; refused without policy.deviceDrivers", "PodResourceClaim"),
    "resources": _pass("ResourceRequirements"),
    "restartPolicy": _pass(),
    "runtimeClassName": _rewrite(
        "the host class that policy forces or policy.runtimeClasses maps it to, or that is offered by that name; else refused"
    ),
    "schedulerName": _drop("the host's default scheduler verifies the placement"),
    "schedulingGates": _drop("a gated pod is not scheduled in the tenant, so it is not on the host yet"),
    "schedulingGroup": _drop(_PINNED),
    "securityContext": _pass("PodSecurityContext"),
    "serviceAccount": _drop("deprecated alias of serviceAccountName"),
    "serviceAccountName": _rewrite(
        "a host account of ours without rights, or the shadow of its own (see ServiceAccounts); tokens are of its own account in the tenant"
    ),
    "setHostnameAsFQDN": _rewrite("becomes hostnameOverride with the tenant's FQDN"),
    "shareProcessNamespace": _pass(),
    "subdomain": _rewrite("kept only where the host namespace has the same name: the kubelet would build the FQDN of the host namespace"),
    "terminationGracePeriodSeconds": _pass(),
    "tolerations": _pass("Toleration"),
    "topologySpreadConstraints": _rewrite("confined to this tenant and namespace, and made true for a pinned pod", "TopologySpreadConstraint"),
    "volumes": _rewrite("see Volume", "Volume"),
}

CONTAINER: dict[str, Rule] = {
    **_plain("args", "command", "image", "imagePullPolicy", "name", "restartPolicy", "stdin", "stdinOnce"),
    **_plain("terminationMessagePath", "terminationMessagePolicy", "tty", "workingDir"),
    "env": _rewrite("order kept; tenant names and literal values for references and the downward API; service variables come first", "EnvVar"),
    "envFrom": _rewrite("the host names of our copies", "EnvFromSource"),
    "lifecycle": _pass("Lifecycle"),
    "livenessProbe": _pass("Probe"),
    "ports": _pass("ContainerPort"),
    "readinessProbe": _pass("Probe"),
    "resizePolicy": _pass("ContainerResizePolicy"),
    "resources": _pass("ResourceRequirements"),
    "restartPolicyRules": _pass("ContainerRestartRule"),
    "securityContext": _pass("SecurityContext"),
    "startupProbe": _pass("Probe"),
    "volumeDevices": _pass("VolumeDevice"),
    "volumeMounts": _pass("VolumeMount"),
}

_SECRET_REF = _rewrite("the host name of our copy of the Secret", "LocalObjectReference")

VOLUMES: dict[str, dict[str, Rule]] = {
    "Volume": {
        "name": _pass(),
        "awsElasticBlockStore": _pass("AWSElasticBlockStoreVolumeSource"),
        "azureDisk": _pass("AzureDiskVolumeSource"),
        "azureFile": _rewrite("Secret translated", "AzureFileVolumeSource"),
        "cephfs": _rewrite("Secret translated", "CephFSVolumeSource"),
        "cinder": _rewrite("Secret translated", "CinderVolumeSource"),
        "configMap": _rewrite("name translated", "ConfigMapVolumeSource"),
        "csi": _rewrite("Secret translated", "CSIVolumeSource"),
        "downwardAPI": _rewrite("see ObjectFieldSelector", "DownwardAPIVolumeSource"),
        "emptyDir": _pass("EmptyDirVolumeSource"),
        "ephemeral": _rewrite("becomes a reference to the claim that the tenant's controller makes"),
        "fc": _pass("FCVolumeSource"),
        "flexVolume": _rewrite("Secret translated", "FlexVolumeSource"),
        "flocker": _pass("FlockerVolumeSource"),
        "gcePersistentDisk": _pass("GCEPersistentDiskVolumeSource"),
        "gitRepo": _pass("GitRepoVolumeSource"),
        "glusterfs": _refuse("it names host Endpoints; the volume type is gone from Kubernetes"),
        "hostPath": _pass("HostPathVolumeSource"),
        "image": _pass("ImageVolumeSource"),
        "iscsi": _rewrite("Secret translated", "ISCSIVolumeSource"),
        "nfs": _pass("NFSVolumeSource"),
        "persistentVolumeClaim": _rewrite("name translated", "PersistentVolumeClaimVolumeSource"),
        "photonPersistentDisk": _pass("PhotonPersistentDiskVolumeSource"),
        "portworxVolume": _pass("PortworxVolumeSource"),
        "projected": _rewrite("see VolumeProjection", "ProjectedVolumeSource"),
        "quobyte": _pass("QuobyteVolumeSource"),
        "rbd": _rewrite("Secret translated", "RBDVolumeSource"),
        "scaleIO": _rewrite("Secret translated", "ScaleIOVolumeSource"),
        "secret": _rewrite("name translated", "SecretVolumeSource"),
        "storageos": _rewrite("Secret translated", "StorageOSVolumeSource"),
        "vsphereVolume": _pass("VsphereVirtualDiskVolumeSource"),
    },
    "AWSElasticBlockStoreVolumeSource": _plain("fsType", "partition", "readOnly", "volumeID"),
    "AzureDiskVolumeSource": _plain("cachingMode", "diskName", "diskURI", "fsType", "kind", "readOnly"),
    "AzureFileVolumeSource": {**_plain("readOnly", "shareName"), "secretName": _REFERENCE},
    "CephFSVolumeSource": {**_plain("monitors", "path", "readOnly", "secretFile", "user"), "secretRef": _SECRET_REF},
    "CinderVolumeSource": {**_plain("fsType", "readOnly", "volumeID"), "secretRef": _SECRET_REF},
    "ConfigMapVolumeSource": {**_plain("defaultMode", "optional"), "items": _pass("KeyToPath"), "name": _REFERENCE},
    "CSIVolumeSource": {**_plain("driver", "fsType", "readOnly", "volumeAttributes"), "nodePublishSecretRef": _SECRET_REF},
    "DownwardAPIVolumeSource": {"defaultMode": _pass(), "items": _rewrite("see DownwardAPIVolumeFile", "DownwardAPIVolumeFile")},
    "EmptyDirVolumeSource": _plain("medium", "sizeLimit"),
    "FCVolumeSource": _plain("fsType", "lun", "readOnly", "targetWWNs", "wwids"),
    "FlexVolumeSource": {**_plain("driver", "fsType", "options", "readOnly"), "secretRef": _SECRET_REF},
    "FlockerVolumeSource": _plain("datasetName", "datasetUUID"),
    "GCEPersistentDiskVolumeSource": _plain("fsType", "partition", "pdName", "readOnly"),
    "GitRepoVolumeSource": _plain("directory", "repository", "revision"),
    "HostPathVolumeSource": _plain("path", "type"),
    "ImageVolumeSource": _plain("pullPolicy", "reference"),
    "ISCSIVolumeSource": {
        **_plain(
            "chapAuthDiscovery", "chapAuthSession", "fsType", "initiatorName", "iqn", "iscsiInterface", "lun", "portals", "readOnly", "targetPortal"
        ),
        "secretRef": _SECRET_REF,
    },
    "NFSVolumeSource": _plain("path", "readOnly", "server"),
    "PersistentVolumeClaimVolumeSource": {"claimName": _REFERENCE, "readOnly": _pass()},
    "PhotonPersistentDiskVolumeSource": _plain("fsType", "pdID"),
    "PortworxVolumeSource": _plain("fsType", "readOnly", "volumeID"),
    "ProjectedVolumeSource": {"defaultMode": _pass(), "sources": _rewrite("see VolumeProjection", "VolumeProjection")},
    "QuobyteVolumeSource": _plain("group", "readOnly", "registry", "tenant", "user", "volume"),
    "RBDVolumeSource": {**_plain("fsType", "image", "keyring", "monitors", "pool", "readOnly", "user"), "secretRef": _SECRET_REF},
    "ScaleIOVolumeSource": {
        **_plain("fsType", "gateway", "protectionDomain", "readOnly", "sslEnabled", "storageMode", "storagePool", "system", "volumeName"),
        "secretRef": _SECRET_REF,
    },
    "SecretVolumeSource": {**_plain("defaultMode", "optional"), "items": _pass("KeyToPath"), "secretName": _REFERENCE},
    "StorageOSVolumeSource": {**_plain("fsType", "readOnly", "volumeName", "volumeNamespace"), "secretRef": _SECRET_REF},
    "VsphereVirtualDiskVolumeSource": _plain("fsType", "storagePolicyID", "storagePolicyName", "volumePath"),
    "VolumeProjection": {
        "clusterTrustBundle": _refuse("it names an object of the host cluster"),
        "configMap": _rewrite("name translated", "ConfigMapProjection"),
        "downwardAPI": _rewrite("see DownwardAPIVolumeFile", "DownwardAPIProjection"),
        "podCertificate": _refuse("the certificate would be issued by the host for the host pod"),
        "secret": _rewrite("name translated", "SecretProjection"),
        "serviceAccountToken": _rewrite("becomes an entry of a Secret that holds the tenant's token", "ServiceAccountTokenProjection"),
    },
    "ConfigMapProjection": {"items": _pass("KeyToPath"), "name": _REFERENCE, "optional": _pass()},
    "DownwardAPIProjection": {"items": _rewrite("see DownwardAPIVolumeFile", "DownwardAPIVolumeFile")},
    "SecretProjection": {"items": _pass("KeyToPath"), "name": _REFERENCE, "optional": _pass()},
    "ServiceAccountTokenProjection": {
        "audience": _rewrite("asked of the tenant's API server"),
        "expirationSeconds": _rewrite("asked of the tenant's API server, within ten minutes and a day"),
        "path": _rewrite("path of the entry"),
    },
    "DownwardAPIVolumeFile": {
        **_plain("mode", "path"),
        "fieldRef": _rewrite("see ObjectFieldSelector", "ObjectFieldSelector"),
        "resourceFieldRef": _pass("ResourceFieldSelector"),
    },
    "KeyToPath": _plain("key", "mode", "path"),
}

ENVIRONMENT: dict[str, dict[str, Rule]] = {
    "EnvVar": {"name": _pass(), "value": _pass(), "valueFrom": _rewrite("see EnvVarSource", "EnvVarSource")},
    "EnvVarSource": {
        "configMapKeyRef": _rewrite("name translated", "ConfigMapKeySelector"),
        "fieldRef": _rewrite("see ObjectFieldSelector", "ObjectFieldSelector"),
        "fileKeyRef": _pass("FileKeySelector"),
        "resourceFieldRef": _pass("ResourceFieldSelector"),
        "secretKeyRef": _rewrite("name translated", "SecretKeySelector"),
    },
    "ConfigMapKeySelector": {"key": _pass(), "name": _REFERENCE, "optional": _pass()},
    "SecretKeySelector": {"key": _pass(), "name": _REFERENCE, "optional": _pass()},
    "EnvFromSource": {
        "configMapRef": _rewrite("name translated", "ConfigMapEnvSource"),
        "prefix": _pass(),
        "secretRef": _rewrite("name translated", "SecretEnvSource"),
    },
    "ConfigMapEnvSource": {"name": _REFERENCE, "optional": _pass()},
    "SecretEnvSource": {"name": _REFERENCE, "optional": _pass()},
    "ObjectFieldSelector": {
        "apiVersion": _pass(),
        "fieldPath": _rewrite("name, namespace, uid, labels, annotations, account and node are the tenant's; status fields pass"),
    },
    "ResourceFieldSelector": _plain("containerName", "divisor", "resource"),
    "FileKeySelector": _plain("key", "optional", "path", "volumeName"),
}

_WRITTEN_OUT = _rewrite("written out as expressions, as the tenant's API server does it")

PLACEMENT: dict[str, dict[str, Rule]] = {
    "Affinity": {
        "nodeAffinity": _rewrite("replaced by the node that the tenant's scheduler chose"),
        "podAffinity": _rewrite("see PodAffinityTerm", "PodAffinity"),
        "podAntiAffinity": _rewrite("see PodAffinityTerm", "PodAntiAffinity"),
    },
    "PodAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": _rewrite("each term", "WeightedPodAffinityTerm"),
        "requiredDuringSchedulingIgnoredDuringExecution": _rewrite("each term", "PodAffinityTerm"),
    },
    "PodAntiAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": _rewrite("each term", "WeightedPodAffinityTerm"),
        "requiredDuringSchedulingIgnoredDuringExecution": _rewrite("each term", "PodAffinityTerm"),
    },
    "WeightedPodAffinityTerm": {"podAffinityTerm": _rewrite("see PodAffinityTerm", "PodAffinityTerm"), "weight": _pass()},
    "PodAffinityTerm": {
        "labelSelector": _rewrite("confined by kled.io/tenant and kled.io/namespace", "LabelSelector"),
        "matchLabelKeys": _WRITTEN_OUT,
        "mismatchLabelKeys": _WRITTEN_OUT,
        "namespaceSelector": _rewrite("resolved to a list of tenant namespaces", "LabelSelector"),
        "namespaces": _rewrite("become kled.io/namespace In [...]"),
        "topologyKey": _pass(),
    },
    "TopologySpreadConstraint": {
        "labelSelector": _rewrite("confined by kled.io/tenant and kled.io/namespace", "LabelSelector"),
        "matchLabelKeys": _WRITTEN_OUT,
        "maxSkew": _pass(),
        "minDomains": _drop("a pinned pod has one eligible domain on the host; the tenant's scheduler has counted them"),
        "nodeAffinityPolicy": _drop("the host counts the node the pod is pinned to (the default, Honor)"),
        "nodeTaintsPolicy": _pass(),
        "topologyKey": _pass(),
        "whenUnsatisfiable": _pass(),
    },
    "LabelSelector": {"matchExpressions": _pass("LabelSelectorRequirement"), "matchLabels": _pass()},
    "LabelSelectorRequirement": _plain("key", "operator", "values"),
    "Toleration": _plain("effect", "key", "operator", "tolerationSeconds", "value"),
}

REST: dict[str, dict[str, Rule]] = {
    "AppArmorProfile": _plain("localhostProfile", "type"),
    "Capabilities": _plain("add", "drop"),
    "ContainerPort": _plain("containerPort", "hostIP", "hostPort", "name", "protocol"),
    "ContainerResizePolicy": _plain("resourceName", "restartPolicy"),
    "ContainerRestartRule": {"action": _pass(), "exitCodes": _pass("ContainerRestartRuleOnExitCodes")},
    "ContainerRestartRuleOnExitCodes": _plain("operator", "values"),
    "ExecAction": _plain("command"),
    "GRPCAction": _plain("port", "service"),
    "HTTPGetAction": {**_plain("host", "path", "port", "scheme"), "httpHeaders": _pass("HTTPHeader")},
    "HTTPHeader": _plain("name", "value"),
    "HostAlias": _plain("hostnames", "ip"),
    "Lifecycle": {"postStart": _pass("LifecycleHandler"), "preStop": _pass("LifecycleHandler"), "stopSignal": _pass()},
    "LifecycleHandler": {
        "exec": _pass("ExecAction"),
        "httpGet": _pass("HTTPGetAction"),
        "sleep": _pass("SleepAction"),
        "tcpSocket": _pass("TCPSocketAction"),
    },
    "LocalObjectReference": {"name": _REFERENCE},
    "PodDNSConfig": {"nameservers": _pass(), "options": _pass("PodDNSConfigOption"), "searches": _pass()},
    "PodDNSConfigOption": _plain("name", "value"),
    "PodOS": _plain("name"),
    "PodReadinessGate": _plain("conditionType"),
    "PodSecurityContext": {
        **_plain("fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsNonRoot", "runAsUser"),
        **_plain("seLinuxChangePolicy", "supplementalGroups", "supplementalGroupsPolicy"),
        "appArmorProfile": _pass("AppArmorProfile"),
        "seLinuxOptions": _pass("SELinuxOptions"),
        "seccompProfile": _pass("SeccompProfile"),
        "sysctls": _pass("Sysctl"),
        "windowsOptions": _pass("WindowsSecurityContextOptions"),
    },
    "Probe": {
        **_plain("failureThreshold", "initialDelaySeconds", "periodSeconds", "successThreshold", "terminationGracePeriodSeconds", "timeoutSeconds"),
        "exec": _pass("ExecAction"),
        "grpc": _pass("GRPCAction"),
        "httpGet": _pass("HTTPGetAction"),
        "tcpSocket": _pass("TCPSocketAction"),
    },
    "PodResourceClaim": {
        "name": _pass(),
        "resourceClaimName": _REFERENCE,
        "resourceClaimTemplateName": _rewrite("becomes the name of the claim that the tenant's controller has made of it"),
    },
    "ResourceClaim": _plain("name", "request"),
    "ResourceRequirements": {"claims": _pass("ResourceClaim"), "limits": _pass(), "requests": _pass()},
    "SELinuxOptions": _plain("level", "role", "type", "user"),
    "SeccompProfile": _plain("localhostProfile", "type"),
    "SecurityContext": {
        **_plain("allowPrivilegeEscalation", "privileged", "procMount", "readOnlyRootFilesystem", "runAsGroup", "runAsNonRoot", "runAsUser"),
        "appArmorProfile": _pass("AppArmorProfile"),
        "capabilities": _pass("Capabilities"),
        "seLinuxOptions": _pass("SELinuxOptions"),
        "seccompProfile": _pass("SeccompProfile"),
        "windowsOptions": _pass("WindowsSecurityContextOptions"),
    },
    "SleepAction": _plain("seconds"),
    "Sysctl": _plain("name", "value"),
    "TCPSocketAction": _plain("host", "port"),
    "VolumeDevice": _plain("devicePath", "name"),
    "VolumeMount": _plain("mountPath", "mountPropagation", "name", "readOnly", "recursiveReadOnly", "subPath", "subPathExpr"),
    "WindowsSecurityContextOptions": _plain("gmsaCredentialSpec", "gmsaCredentialSpecName", "hostProcess", "runAsUserName"),
}

TABLE: Mapping[str, Mapping[str, Rule]] = {
    "PodSpec": POD_SPEC,
    "Container": CONTAINER,
    "EphemeralContainer": {**CONTAINER, "targetContainerName": _pass()},
    **VOLUMES,
    **ENVIRONMENT,
    **PLACEMENT,
    **REST,
}

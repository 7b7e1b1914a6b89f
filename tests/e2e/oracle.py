"""The rules that the syncer keeps at every moment, checked on what both API servers recorded.

Nothing here asks the syncer or shares code with it: what it did is read from the audit logs, what it may do from the manifests that were granted,
what is left from lists.
"""

from __future__ import annotations

import base64
import collections
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import yaml

from tests.e2e.stage import Obj, Planes, World, described

TENANT, TRANSLATOR, NAMESPACE = "kled.io/tenant", "kled.io/translator", "kled.io/namespace"
SOURCE_NAMESPACE, SOURCE_NAME, SOURCE_UID = "kled.io/source-namespace", "kled.io/source-name", "kled.io/source-uid"
MANAGED_BY = "kled.io/managed-by"
PENDING = "kled.io/pending-recreate"
JWT = re.compile(r"eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.")
JWT_IN_BASE64 = re.compile(r"ZXlK[A-Za-z0-9+/]{80,}")
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
# What the syncer keeps for itself: labelled for the tenant, made of no tenant object.
OWN_KINDS = {"rolebindings", "serviceaccounts", "leases", "namespaces"}
REPLICATED = {"services", "endpointslices"}
MAX_GETS_PER_SECOND = 5
_BINDING_KNOWN_AFTER = 3.0


@dataclass(frozen=True)
class State:
    """One object as the server stored it once."""

    version: int
    labels: dict[str, str]
    annotations: dict[str, str]
    ref: tuple[str, str, str]
    conditions: dict[str, tuple[str, ...]] | None
    """Of a pod; None where only metadata was answered, as the syncer asks for."""


class History:
    """What one server stored, object by object, from the bodies of all writes by anybody."""

    def __init__(self) -> None:
        self.by_uid: dict[str, list[State]] = collections.defaultdict(list)

    def learn(self, entry: Obj) -> None:
        body = entry.get("responseObject")
        if (
            entry["verb"] not in WRITES
            or not isinstance(body, dict)
            or "metadata" not in body
            or entry.get("responseStatus", {}).get("code", 500) >= 300
        ):
            return
        metadata = body["metadata"]
        if metadata.get("uid") and str(metadata.get("resourceVersion", "")).isdigit():
            about = entry.get("objectRef", {})
            ref = (about.get("resource", ""), metadata.get("namespace", ""), metadata["name"])
            labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
            state = State(
                int(metadata["resourceVersion"]), labels, annotations, ref, None if body.get("kind") == "PartialObjectMetadata" else conditions(body)
            )
            self.by_uid[metadata["uid"]].append(state)

    def before(self, uid: str, version: int | None, *, whole: bool = False) -> State | None:
        """The last state of an object before a version (or at all); `whole`: of those that were answered in full."""
        known = [
            state for state in self.by_uid.get(uid, ()) if (version is None or state.version < version) and not (whole and state.conditions is None)
        ]
        return max(known, key=lambda state: state.version, default=None)


class Oracle:
    """Reads on where it stopped, so that a long session is read once."""

    def __init__(self, planes: Planes) -> None:
        self._planes = planes
        self._read = {"host": 0, "tenant": 0}
        self.history = {"host": History(), "tenant": History()}
        self.gates: dict[str, set[str]] = {}
        self._selectors: dict[str, dict[str, str]] = {}

    def faults(self, world: World, metrics: str = "", *, forbidden_expected: bool = False) -> list[str]:
        """Every broken rule since the last call, with the request that broke it."""
        seen = {"host": self._entries("host"), "tenant": self._entries("tenant")}
        mine = {side: [entry for entry in entries if entry["user"]["username"] == world.user] for side, entries in seen.items()}
        rules: list[Iterable[str]] = [
            self._fence(world, mine["host"]),
            *(self._granted(world, side, mine[side], forbidden_expected) for side in mine),
            *(self._preconditions(side, mine[side]) for side in mine),
            self._ownership(world, mine["host"]),
            self._one_to_one(world, mine["host"]),
            *(self._no_secrets(world, side, mine[side]) for side in mine),
            self._confined(world, mine["host"]),
            self._no_data_loss(mine["tenant"]),
            self._status_down(mine["host"]),
            *(self._no_read_loops(side, mine[side], len(world.runs)) for side in mine),
            self._kept_quiet(world, metrics),
        ]
        return [fault for rule in rules for fault in rule]

    def _entries(self, side: str) -> list[Obj]:
        log = (self._planes.host if side == "host" else self._planes.tenant).audit_log
        until = log.position()
        found = []
        for entry in log.entries(self._read[side]):
            self.history[side].learn(entry)
            found.append(entry)
        self._read[side] = until
        return found

    # --- S1: only in namespaces of this tenant

    def _fence(self, world: World, mine: list[Obj]) -> Iterator[str]:
        lent = {states[-1].ref[2] for states in self.history["host"].by_uid.values() if states[0].ref[0] == "namespaces" and _ours(states, world)}
        for entry in writes(mine):
            namespace = entry["objectRef"].get("namespace", "")
            if succeeded(entry) and entry["objectRef"]["resource"] in REPLICATED and namespace in self._lets_in(world):
                continue
            if succeeded(entry) and namespace and namespace not in lent | {world.own_namespace}:
                yield f"S1 outside the tenant's namespaces: {described(entry)}"

    def _lets_in(self, world: World) -> set[str]:
        """Namespaces whose administrator lets Services of this tenant be shown."""
        label = f"replicate.kled.io/{world.tenant_name}"
        known = self.history["host"].by_uid.values()
        return {
            states[-1].ref[2] for states in known if states[0].ref[0] == "namespaces" and any(state.labels.get(label) == "true" for state in states)
        }

    # --- S2: only what was granted, and nothing was denied

    def _granted(self, world: World, side: str, mine: list[Obj], forbidden_expected: bool) -> Iterator[str]:
        table, reviews = granted(world, side), ("authentication.k8s.io", "authorization.k8s.io")
        asked = [entry for entry in mine if (about := entry.get("objectRef")) and about.get("apiGroup") not in reviews]
        for entry in asked:
            about = entry["objectRef"]
            resource = about["resource"] + (f"/{about['subresource']}" if about.get("subresource") else "")
            if (about.get("apiGroup", ""), resource, entry["verb"]) not in table:
                yield f"S2 not in the manifests of {side}: {described(entry)}"
        if not forbidden_expected:
            for entry in denied(asked):
                yield f"S2 forbidden on {side}: {described(entry)}: {entry['responseStatus'].get('message', '')[:300]}"

    # --- S3: only objects that carry this tenant's stamp

    def _ownership(self, world: World, mine: list[Obj]) -> Iterator[str]:
        for entry in writes(mine):
            about = entry["objectRef"]
            if entry["verb"] not in ("patch", "update", "delete") or about["resource"] == "leases" or not succeeded(entry):
                continue
            uid = target_uid(entry)
            body = entry.get("responseObject") or {}
            version = str(body.get("metadata", {}).get("resourceVersion", ""))
            known = self.history["host"].before(uid, int(version) if entry["verb"] == "patch" and version.isdigit() else None)
            if known is None and (about["resource"], about.get("namespace"), about.get("name")) in unanswered(world.tenant_name, mine):
                continue
            if known is None:
                yield f"S3 an object nobody was seen to make: {described(entry)} {uid}"
            elif not stamped_for(world.tenant_name, known):
                yield f"S3 without this tenant's stamp: {described(entry)} {known.labels}"

    # --- S4: every change names the object it means

    def _preconditions(self, side: str, mine: list[Obj]) -> Iterator[str]:
        for entry in writes(mine):
            # What is denied is recorded without its body.
            if entry["objectRef"]["resource"] == "leases" or entry.get("responseStatus", {}).get("code") == 403:
                continue
            request = entry.get("requestObject") or {}
            if entry["verb"] in ("update", "deletecollection"):
                yield f"S4 {side}: {described(entry)}"
            elif entry["verb"] == "delete" and not (request.get("preconditions") or {}).get("uid"):
                yield f"S4 a deletion without uid on {side}: {described(entry)} {request}"
            elif entry["verb"] == "patch" and not (request.get("metadata") or {}).get("uid"):
                yield f"S4 a patch without uid on {side}: {described(entry)} {json.dumps(request)[:300]}"

    # --- S5, S6: one tenant object, one host object

    def _one_to_one(self, world: World, mine: list[Obj]) -> Iterator[str]:
        places: dict[tuple[str, ...], set[tuple[str, str]]] = collections.defaultdict(set)
        for entry in writes(mine):
            metadata = (entry.get("responseObject") or {}).get("metadata", {})
            if entry["verb"] == "create" and succeeded(entry) and SOURCE_UID in (metadata.get("annotations") or {}):
                places[source(metadata)].add((metadata.get("namespace", ""), metadata["name"]))
        for of, where in places.items():
            if len(where) > 1:
                yield f"S5 {of} was made in {sorted(where)}"
        owners: dict[tuple[str, str, str], tuple[str, ...]] = {}
        there: dict[tuple[str, ...], tuple[str, str, str]] = {}
        for one in world.stamped():
            metadata = one["metadata"]
            if SOURCE_UID not in (metadata.get("annotations") or {}):
                continue
            ref, of = (one["plural"], metadata.get("namespace", ""), metadata["name"]), source(metadata)
            if of in there and there[of] != ref:
                yield f"S5 {of} has two copies: {there[of]} and {ref}"
            there[of], owners[ref] = ref, of
        for uid, states in self.history["host"].by_uid.items():
            sources = {state.annotations[SOURCE_UID] for state in states if SOURCE_UID in state.annotations}
            adopted = any(PENDING in state.annotations for state in states)
            if len(sources) > 1 and not adopted:
                yield f"S6 host object {states[0].ref} {uid} stood for {sources}"

    # --- S9, S16: secrets stay in Secrets

    def _no_secrets(self, world: World, side: str, mine: list[Obj]) -> Iterator[str]:
        hidden = forms(world.canaries)
        for entry in writes(mine):
            about = entry["objectRef"]
            if about["resource"] in ("secrets", "leases") or about.get("subresource") == "token":
                continue
            text = json.dumps([entry.get("requestObject"), entry.get("responseObject")])
            if JWT.search(text) or JWT_IN_BASE64.search(text):
                yield f"S9 a token on {side}: {described(entry)}"
            if any(value in text for value in hidden):
                yield f"S16 a secret value on {side}: {described(entry)}"
        for entry in writes(mine):
            metadata = ((entry.get("requestObject") or {}).get("metadata")) or {}
            text = json.dumps([metadata.get("annotations"), metadata.get("labels")])
            if JWT.search(text) or any(value in text for value in hidden):
                yield f"S16 a secret value in the metadata on {side}: {described(entry)}"

    def _kept_quiet(self, world: World, metrics: str) -> Iterator[str]:
        log = world.log.read_text() if world.log.exists() else ""
        for where, text in (("log", log), ("metrics", metrics)):
            if JWT.search(text) or JWT_IN_BASE64.search(text):
                yield f"S16 a token in the {where}"
            for value in forms(world.canaries):
                if value in text:
                    yield f"S16 a secret value in the {where}: {value}"
        if "Traceback" in log:
            yield f"an unhandled failure in the log: {log[log.index('Traceback') :][:1500]}"

    # --- S10: selectors see nobody else

    def _confined(self, world: World, mine: list[Obj]) -> Iterator[str]:
        for entry in writes(mine):
            if not succeeded(entry) or entry["verb"] not in ("create", "patch"):
                continue
            request, resource, uid = entry.get("requestObject") or {}, entry["objectRef"]["resource"], target_uid(entry)
            if resource == "services" and "selector" in (request.get("spec") or {}):
                labels = ((entry.get("responseObject") or {}).get("metadata") or {}).get("labels") or {}
                self._selectors[uid] = merged(self._selectors.get(uid, {}), request["spec"]["selector"] or {})
                selector = self._selectors[uid]
                if selector and (selector.get(TENANT), selector.get(NAMESPACE)) != (world.tenant_name, labels.get(NAMESPACE)):
                    yield f"S10 a selector: {described(entry)} {selector}"
            if resource == "poddisruptionbudgets" and (request.get("spec") or {}).get("selector"):
                found = request["spec"]["selector"].get("matchLabels") or {}
                if entry["verb"] == "create" and (found.get(TENANT) != world.tenant_name or not found.get(NAMESPACE)):
                    yield f"S10 a selector: {described(entry)} {found}"
            if resource == "networkpolicies":
                for selector in policy_selectors(request.get("spec") or {}):
                    if not confined(selector, world.tenant_name):
                        yield f"S10 a policy: {described(entry)} {selector}"
            if resource == "pods" and entry["verb"] == "create":
                self.gates[uid] = {gate["conditionType"] for gate in request.get("spec", {}).get("readinessGates") or []}
                for selector in pod_selectors(request.get("spec", {})):
                    if not confined(selector, world.tenant_name):
                        yield f"S10 a selector: {described(entry)} {selector}"

    # --- S11: in the tenant only pods and our own objects are deleted

    def _no_data_loss(self, mine: list[Obj]) -> Iterator[str]:
        for entry in writes(mine):
            about = entry["objectRef"]
            if entry["verb"] != "delete" or about["resource"] in ("pods", "leases") or not succeeded(entry):
                continue
            known = self.history["tenant"].before(target_uid(entry), None)
            if known is None or known.labels.get(MANAGED_BY) != "kled-syncer":
                yield f"S11 deleted in the tenant: {described(entry)} {known.labels if known else 'unknown'}"

    # --- S12: of a status, only readiness gates go down

    def _status_down(self, mine: list[Obj]) -> Iterator[str]:
        for entry in writes(mine):
            if entry["objectRef"].get("subresource") != "status":
                continue
            if entry["objectRef"]["resource"] != "pods":
                yield f"S12 a status on the host: {described(entry)}"
                continue
            request, body = entry.get("requestObject") or {}, entry.get("responseObject") or {}
            if not succeeded(entry):
                continue
            if set(request.get("status") or {}) != {"conditions"} or not request["metadata"].get("resourceVersion"):
                yield f"S12 more than conditions, or over a newer status: {described(entry)} {json.dumps(request)[:300]}"
            before = self.history["host"].before(target_uid(entry), int(body["metadata"]["resourceVersion"]), whole=True)
            old, new = (before.conditions or {}) if before else {}, conditions(request)
            changed = {kind for kind in old.keys() | new.keys() if old.get(kind) != new.get(kind)}
            if changed - self.gates.get(target_uid(entry), set()):
                yield f"S12 other conditions than those of readiness gates: {described(entry)} {changed}"

    # --- S19: no reading in a circle

    def _no_read_loops(self, side: str, mine: list[Obj], starts: int) -> Iterator[str]:
        lists: collections.Counter[str] = collections.Counter()
        gets: dict[str, list[float]] = collections.defaultdict(list)
        for entry in mine:
            path = entry["requestURI"].split("?")[0]
            if entry["verb"] == "list" and "continue=" not in entry["requestURI"] and succeeded(entry):
                lists[path] += 1
            if entry["verb"] == "get" and entry.get("objectRef", {}).get("resource") != "leases":
                gets[path].append(moment(entry))
        for path, count in lists.items():
            if count > 3 * starts + 3:
                yield f"S19 {count} lists of {path} on {side} by {starts} processes"
        for path, times in gets.items():
            times.sort()
            busiest = max(sum(start <= other < start + 1 for other in times) for start in times)
            if busiest > MAX_GETS_PER_SECOND:
                yield f"S19 {busiest} reads of {path} on {side} within a second"


# --- reading entries


def writes(entries: Iterable[Obj]) -> Iterator[Obj]:
    for entry in entries:
        if entry["verb"] in WRITES and entry.get("objectRef") and not entry["objectRef"].get("apiGroup", "").startswith("auth"):
            yield entry


def denied(mine: list[Obj]) -> Iterator[Obj]:
    """Requests that were refused for want of rights."""
    bound: dict[str, list[float]] = collections.defaultdict(list)
    for entry in mine:
        if _binds(entry):
            bound[entry["objectRef"]["namespace"]].append(moment(entry))
    for entry in mine:
        answer = entry.get("responseStatus", {})
        if answer.get("code") != 403 or _is_ending(json.dumps(answer)):
            continue
        # An API server learns of a RoleBinding by its own watch, a moment after it has been written.
        if not any(0 <= moment(entry) - written < _BINDING_KNOWN_AFTER for written in bound[entry.get("objectRef", {}).get("namespace", "")]):
            yield entry


def _binds(entry: Obj) -> bool:
    return bool(entry["verb"] in ("create", "patch") and entry.get("objectRef", {}).get("resource") == "rolebindings" and succeeded(entry))


def succeeded(entry: Obj) -> bool:
    return int(entry.get("responseStatus", {}).get("code", 500)) < 300


def target_uid(entry: Obj) -> str:
    request = entry.get("requestObject") or {}
    if entry["verb"] == "delete":
        return str((request.get("preconditions") or {}).get("uid") or "")
    return str((entry.get("responseObject") or {}).get("metadata", {}).get("uid") or "")


def merged(old: dict[str, str], patch: dict[str, str | None]) -> dict[str, str]:
    """RFC 7386, on a flat map."""
    return {key: value for key, value in {**old, **patch}.items() if value is not None}


def conditions(body: Obj) -> dict[str, tuple[str, ...]]:
    found = (body.get("status") or {}).get("conditions") if isinstance(body.get("status"), dict) else None
    return {one["type"]: tuple(str(one.get(key)) for key in ("status", "reason", "message", "lastTransitionTime")) for one in found or []}


def moment(entry: Obj) -> float:
    return datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()


def source(metadata: Obj) -> tuple[str, ...]:
    notes = metadata["annotations"]
    return (metadata["labels"].get(TRANSLATOR, ""), notes.get(SOURCE_NAMESPACE, ""), notes.get(SOURCE_NAME, ""), notes[SOURCE_UID])


def stamped_for(tenant: str, state: State) -> bool:
    if state.labels.get(TENANT) != tenant:
        return False
    return state.ref[0] in OWN_KINDS or (TRANSLATOR in state.labels and {SOURCE_NAME, SOURCE_UID} <= set(state.annotations))


def _ours(states: list[State], world: World) -> bool:
    return any(state.labels.get(TENANT) == world.tenant_name for state in states)


def forms(values: Iterable[str]) -> list[str]:
    """Each value as it is, and what is certain to occur in base64 of a text with it, at any offset."""
    found = []
    for value in values:
        found.append(value)
        for shift in range(3):
            coded = base64.b64encode(b" " * shift + value.encode()).decode().rstrip("=")
            found.append(coded[4:-4])
    return found


def pod_selectors(spec: Obj) -> Iterator[Obj]:
    """Every label selector by which a pod looks at other pods."""
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = (spec.get("affinity") or {}).get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or [])
        terms += [one["podAffinityTerm"] for one in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or []]
        for term in terms:
            yield term.get("labelSelector") or {}
    for one in spec.get("topologySpreadConstraints") or []:
        yield one.get("labelSelector") or {}


def policy_selectors(spec: Obj) -> Iterator[Obj]:
    """Every selector of pods in a network policy, or in the part of one that a patch holds."""
    if spec.get("podSelector") is not None and "policyTypes" in spec:
        yield spec["podSelector"]
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction) or []:
            yield from (peer.get("podSelector") or {} for peer in rule.get(peers) or [] if "ipBlock" not in peer)


def confined(selector: Obj, tenant: str) -> bool:
    if (selector.get("matchLabels") or {}).get(TENANT) == tenant:
        return True
    return any(one["key"] == TENANT and one["operator"] == "In" and one["values"] == [tenant] for one in selector.get("matchExpressions") or [])


def granted(world: World, side: str) -> set[tuple[str, str, str]]:
    """(group, resource, verb) of the manifests that the command prints; names and namespaces are for the API server to check."""
    command = [sys.executable, "-m", "syncer", "rbac", "--side", side, *world.sources]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    table = set()
    for manifest in yaml.safe_load_all(printed):
        for rule in manifest.get("rules") or []:
            for group in rule["apiGroups"]:
                table |= {(group, resource, verb) for resource in rule["resources"] for verb in rule["verbs"]}
    return table


def unanswered(tenant: str, mine: list[Obj]) -> set[tuple[str, str | None, str]]:
    """What the syncer asked to be created, stamped, when the answer went astray because the process ended meanwhile: it may well be there."""
    found = set()
    for entry in writes(mine):
        metadata = (entry.get("requestObject") or {}).get("metadata") or {}
        lost = not succeeded(entry) or not (entry.get("responseObject") or {}).get("metadata", {}).get("uid")
        if entry["verb"] == "create" and lost and (metadata.get("labels") or {}).get("kled.io/tenant") == tenant:
            found.add((entry["objectRef"]["resource"], entry["objectRef"].get("namespace"), metadata.get("name", "")))
    return found


def _is_ending(answer: str) -> bool:
    """Whether it was refused because a namespace or a kind was just going."""
    return "being terminated" in answer or "custom resource definition is terminating" in answer

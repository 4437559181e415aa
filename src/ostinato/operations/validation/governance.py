"""The check of registry and approval: registered under its digest, and every request that policy forbids is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ostinato.core.errors import ApprovalError, QualityError
from ostinato.engines.artefact import ModelArtefact
from ostinato.operations.promotion import audit_path, policy_of
from ostinato.operations.validation.config import Registry
from ostinato.operations.validation.finding import FIRST, Finding, found, of_problem
from ostinato.pipeline import MODEL
from ostinato.registry.approval import Policy, check_approval
from ostinato.registry.versions import CHAMPION, PREFIX, ModelVersion, fetch, versions
from ostinato.security import audit
from ostinato.tenancy.workspace import Workspace

_REASON = "A reason that is long enough for any policy."


@dataclass(frozen=True)
class _Request:
    """An approval that must be refused: what is wrong with it, and who asks what by which policy."""

    what: str
    version: ModelVersion
    policy: Policy
    by: str
    reason: str


def registry_and_approval(workspace: Workspace, bounds: Registry) -> Finding:
    """Each problem's artefact is a registered version with the same bytes; forbidden approvals of it are refused."""
    faults: list[str] = []
    asked: list[_Request] = []
    accepted: list[str] = []
    for problem in workspace.params.problems:
        version = registered(workspace, problem)
        there = ModelArtefact.load(fetch(version, workspace.home)).digest
        if there != version.digest:
            faults.append(f"{version.title}: the store holds {there[:12]}, registered is {version.digest[:12]}")
        requests = list(_forbidden(version, policy_of(version, workspace)))
        asked += requests
        accepted += [f"{version.title}: an approval {each.what} was accepted" for each in requests if _accepts(each)]
    faults += accepted if len(accepted) > bounds.accepted else []
    faults += _audit(workspace)
    refused = len(asked) - len(accepted)
    return found(f"{refused} of {len(asked)} forbidden requests refused", refused, faults)


def registered(workspace: Workspace, problem: str) -> ModelVersion:
    """The version of the artefact that lies in data/; raises QualityError where it is not registered."""
    digest = ModelArtefact.load(of_problem(workspace, MODEL, problem)).digest
    known = versions(workspace.model_name(problem), workspace.home)
    for version in reversed(known):
        if version.digest == digest:
            return version
    raise QualityError(
        f"{workspace.model_name(problem)}: the artefact {digest[:12]} is not among its {len(known)} registered versions; {FIRST}"
    )


def _forbidden(version: ModelVersion, own: Policy) -> Iterator[_Request]:
    """Requests that the version's own policy, or the strictest one, must refuse; nothing of them is written."""
    trainer = version.tags.get(PREFIX + "trained_by", "")
    strict = Policy(trainer_may_approve=False, reason_min_chars=20, gates_must_pass=True)
    closed = strict.model_copy(update={"approvers": ("Ada",)})
    good = replace(version, approval="pending", tags={**version.tags, PREFIX + "gates": "passed"})
    failed = replace(good, tags={**good.tags, PREFIX + "gates": "failed", PREFIX + "gates_failed": "better_than_dummy"})
    yield _Request("without a name", good, own, " ", _REASON)
    yield _Request("without a reason", good, own, "Ada", " ")
    yield _Request(
        "of a rejected version", replace(good, approval="rejected"), own, (own.approvers or ("Ada",))[0], _REASON
    )
    yield _Request("by its trainer under a four-eyes policy", good, strict, trainer, _REASON)
    yield _Request("by its trainer in other letters", good, strict, f" {trainer.upper()} ", _REASON)
    yield _Request("with a short reason under a strict policy", good, strict, "Ada", "fine")
    yield _Request("by somebody who is no approver", good, closed, "Mallory", _REASON)
    yield _Request("of a version whose gates failed", failed, strict, "Ada", _REASON)


def _accepts(request: _Request) -> bool:
    try:
        check_approval(request.version, request.policy, request.by, request.reason)
    except ApprovalError:
        return False
    return True


def _audit(workspace: Workspace) -> list[str]:
    """The chain holds, and it knows every approval and every champion that the registry shows."""
    path = audit_path(workspace)
    try:
        broken = audit.first_broken(path)
        entries = audit.read(path)
    except (ValueError, KeyError, TypeError) as error:
        return [f"{path}: an entry is torn ({type(error).__name__}: {error})"]
    if broken is not None:
        return [f"{path}: entry {broken + 1} does not follow from the one before it: it was changed, or one is missing"]
    known = {(entry.get("event"), entry.get("model"), entry.get("version")) for entry in entries}
    faults = []
    for problem in workspace.params.problems:
        for version in versions(workspace.model_name(problem), workspace.home):
            if (
                version.approval != "pending"
                and (f"version.{version.approval}", version.name, version.version) not in known
            ):
                faults.append(
                    f"{version.title}: {version.approval} in the registry, and the audit log knows nothing of it"
                )
            moves = {(event, version.name, version.version) for event in ("champion.moved", "champion.rolled_back")}
            if CHAMPION in version.aliases and not moves & known:
                faults.append(f"{version.title}: champion in the registry, and the audit log knows nothing of it")
    return faults

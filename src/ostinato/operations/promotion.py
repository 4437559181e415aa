"""Approve, reject, promote, roll back: the acts of governance on a registered version, each written to the audit log first to last.

Evaluate and gate first, then move the alias. `champion` moves only here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ostinato.core.errors import ApprovalError, ParamsError, RegistryError
from ostinato.core.locking import run_lock
from ostinato.registry.approval import Policy, check_approval, load_policy
from ostinato.registry.versions import CHAMPION, PREFIX, ModelVersion, find, set_alias, tag, versions
from ostinato.security import audit
from ostinato.tenancy.workspace import Workspace

PREVIOUS = "previous_champion"


def policy_of(version: ModelVersion, workspace: Workspace) -> Policy:
    """The approval policy that a version was registered under."""
    name = version.tags.get(PREFIX + "policy")
    if name is None:
        raise ParamsError(f"{version.title}: it names no approval policy")
    return load_policy(workspace.configs / "approval.yaml", name)


def approve(model: str, which: str, by: str, reason: str) -> ModelVersion:
    """Record an approval; raises ApprovalError with the rule that forbids it. Approving twice changes nothing."""
    workspace, _ = Workspace.of_model(model)
    version = find(model, workspace.home, which)
    if version.approval == "approved":
        return version
    try:
        check_approval(version, policy_of(version, workspace), by, reason)
    except ApprovalError as refusal:
        _audit(workspace, "approval.refused", version, by=by, reason=reason, because=str(refusal))
        raise
    _decide(workspace, version, "approved", by, reason)
    return find(model, workspace.home, version.version)


def reject(model: str, which: str, by: str, reason: str) -> ModelVersion:
    """Record a rejection; the champion cannot be rejected, it is rolled back."""
    workspace, _ = Workspace.of_model(model)
    version = find(model, workspace.home, which)
    if CHAMPION in version.aliases:
        raise ApprovalError(f"{version.title}: it is the champion. First go back: ostinato rollback {model}")
    if not by.strip() or not reason.strip():
        raise ApprovalError(f"{version.title}: a rejection needs a name and a reason: --by NAME --reason '…'")
    _decide(workspace, version, "rejected", by, reason)
    return find(model, workspace.home, version.version)


def promote(model: str, which: str) -> ModelVersion:
    """Make an approved version the champion; raises ApprovalError where it is not approved."""
    workspace, _ = Workspace.of_model(model)
    with run_lock(workspace.root / ".ostinato" / "promotion", "promotion"):
        version = find(model, workspace.home, which)
        if version.approval != "approved":
            raise ApprovalError(
                f"{version.title}: its approval is {version.approval}. "
                f"Approve it: ostinato approve {model} {version.version} --by NAME --reason '…'"
            )
        before = _champion(model, workspace.home)
        if before is not None and before.version == version.version:
            return version
        tag(version, workspace.home, **{PREVIOUS: before.version if before else ""}, promoted_at=_now())
        set_alias(version, workspace.home, CHAMPION)
        _audit(workspace, "champion.moved", version, before=before.version if before else None)
        return find(model, workspace.home, version.version)


def rollback(model: str, by: str, reason: str) -> ModelVersion:
    """Make the champion before this one champion again; raises RegistryError where there was none."""
    workspace, _ = Workspace.of_model(model)
    if not by.strip() or not reason.strip():
        raise ApprovalError(f"{model}: going back needs a name and a reason: --by NAME --reason '…'")
    with run_lock(workspace.root / ".ostinato" / "promotion", "promotion"):
        now = _champion(model, workspace.home)
        if now is None:
            raise RegistryError(f"{model}: there is no champion to go back from")
        earlier = now.tags.get(PREFIX + PREVIOUS)
        if not earlier:
            raise RegistryError(f"{now.title}: it is the first champion; there is none to go back to")
        target = find(model, workspace.home, earlier)
        set_alias(target, workspace.home, CHAMPION)
        tag(now, workspace.home, rolled_back_by=by, rolled_back_reason=reason, rolled_back_at=_now())
        _audit(workspace, "champion.rolled_back", target, by=by, reason=reason, before=now.version)
        return find(model, workspace.home, target.version)


def audit_path(workspace: Workspace) -> Path:
    """The workspace's audit log."""
    return workspace.state / "audit.jsonl"


def _decide(workspace: Workspace, version: ModelVersion, decision: str, by: str, reason: str) -> None:
    _audit(workspace, f"version.{decision}", version, by=by, reason=reason)
    tag(version, workspace.home, decided_by=by, decided_reason=reason, decided_at=_now(), approval=decision)


def _champion(model: str, home: Path) -> ModelVersion | None:
    return next((v for v in versions(model, home) if CHAMPION in v.aliases), None)


def _audit(workspace: Workspace, event: str, version: ModelVersion, **facts: str | None) -> None:
    audit.append(
        audit_path(workspace), event, model=version.name, version=version.version, digest=version.digest, **facts
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

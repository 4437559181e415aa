"""Who may approve what: policies as data in `configs/approval.yaml`, and the decision for one request.

Signatures, n-of-m approvals and enforcement at load are the governance room's; here a decision is a named person, a reason and
the rules of a policy.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ostinato.core.errors import ApprovalError, ParamsError
from ostinato.core.params import Section, load_yaml
from ostinato.registry.versions import PREFIX, ModelVersion


class Policy(Section):
    """The rules of one kind of model."""

    trainer_may_approve: bool
    reason_min_chars: int = Field(ge=0)
    gates_must_pass: bool
    approvers: tuple[str, ...] = ()  # who may approve; empty: anybody


class ApprovalConfig(Section):
    """`configs/approval.yaml`."""

    policies: dict[str, Policy]


def load_policy(path: Path, name: str) -> Policy:
    """The policy `name`; raises ParamsError with the names there are."""
    policies = load_yaml(path, ApprovalConfig).policies
    if name not in policies:
        raise ParamsError(f"{path}: there is no policy {name!r}; there is {', '.join(policies) or 'none'}")
    return policies[name]


def check_approval(version: ModelVersion, policy: Policy, by: str, reason: str) -> None:
    """Raise ApprovalError with the rule that forbids `by` to approve the version."""
    if not by.strip():
        raise ApprovalError(f"{version.title}: an approval needs a name. Say who approves: --by NAME")
    if len(reason.strip()) < policy.reason_min_chars:
        raise ApprovalError(
            f"{version.title}: the policy asks for a reason of {policy.reason_min_chars} characters or more. Say --reason '…'"
        )
    trainer = version.tags.get(PREFIX + "trained_by", "")
    if not policy.trainer_may_approve and by.strip().casefold() == trainer.casefold():
        raise ApprovalError(
            f"{version.title}: {by} trained it, and the policy forbids the trainer to approve. Ask someone else to."
        )
    if policy.approvers and by.strip() not in policy.approvers:
        raise ApprovalError(f"{version.title}: {by} is not among the approvers ({', '.join(policy.approvers)})")
    if policy.gates_must_pass and version.tags.get(PREFIX + "gates") != "passed":
        failed = version.tags.get(PREFIX + "gates_failed", "unknown")
        raise ApprovalError(
            f"{version.title}: its evaluation failed the gates ({failed}), and the policy asks that all pass. "
            "Improve the model, or reject this version."
        )
    if version.approval == "rejected":
        raise ApprovalError(
            f"{version.title}: it was rejected by {version.tags.get(PREFIX + 'decided_by', '?')}; train anew."
        )

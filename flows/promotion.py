"""The promotion flow: wait for a person, verify the approval, move the champion.

Where the version is already approved (`ostinato approve --no-promote`) it goes straight on. Otherwise the run pauses, and the
Prefect UI asks who decides, what, and why. `ostinato approve` alone does both in one command, without a server.
"""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow, get_run_logger, pause_flow_run
from prefect.input import RunInput

from flows.process import run_as_process
from ostinato.core.errors import ApprovalError
from tasks.promote import approve, look, promote, reject


class Decision(RunInput):
    """What a person answers in the Prefect UI."""

    decision: Literal["approve", "reject"]
    by: str
    reason: str


@flow(name="promotion", flow_run_name="promotion {model} {version}", persist_result=False)
def promotion(
    model: str = "demo.genre", version: str = "challenger", workspace: str = ".", wait_seconds: int = 7 * 24 * 3600
) -> dict[str, Any]:
    """Make `version` of `model` the champion once a person approved it; raises ApprovalError where it was rejected."""
    found = look(model, version)
    if found["approval"] == "pending":
        get_run_logger().info("%s %s waits for a decision", model, found["version"])
        answer = pause_flow_run(
            wait_for_input=Decision.with_initial_data(
                description=f"# {model} {found['version']}\n\nGates: {found['gates']}. {found['protocol']}",
                decision="approve", by="", reason="",
            ),
            timeout=wait_seconds,
        )  # fmt: skip
        decide = approve if answer.decision == "approve" else reject
        found = decide(model, found["version"], answer.by, answer.reason)
    if found["approval"] != "approved":
        raise ApprovalError(f"{model} {found['version']}: it was rejected and is not promoted")
    return promote(model, found["version"])


if __name__ == "__main__":
    run_as_process(promotion, {"model": "", "version": ""})

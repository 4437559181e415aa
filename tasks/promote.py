"""Approval and promotion as Prefect tasks."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from ostinato.operations import promotion
from ostinato.operations.status import describe
from ostinato.registry.versions import find
from ostinato.tenancy.workspace import Workspace


@task(task_run_name="look at {model} {version}", cache_policy=NO_CACHE)
def look(model: str, version: str) -> dict[str, Any]:
    """The version as it stands in the registry."""
    workspace, _ = Workspace.of_model(model)
    return describe(find(model, workspace.home, version))


@task(task_run_name="approve {model} {version}", cache_policy=NO_CACHE)
def approve(model: str, version: str, by: str, reason: str) -> dict[str, Any]:
    """Record an approval, if policy allows it."""
    return describe(promotion.approve(model, version, by, reason))


@task(task_run_name="reject {model} {version}", cache_policy=NO_CACHE)
def reject(model: str, version: str, by: str, reason: str) -> dict[str, Any]:
    """Record a rejection."""
    return describe(promotion.reject(model, version, by, reason))


@task(task_run_name="promote {model} {version}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def promote(model: str, version: str) -> dict[str, Any]:
    """Move the champion to an approved version."""
    return describe(promotion.promote(model, version))

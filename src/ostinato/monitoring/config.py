"""Thresholds of drift, from `configs/drift.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ostinato.core.params import Section, load_yaml

Numeric = Literal["ks", "anderson", "wasserstein", "psi", "cramer_von_mises"]
Categorical = Literal["contingency", "jensenshannon", "psi", "chisquare"]
DISTANCES = frozenset({"wasserstein", "psi", "jensenshannon"})  # drift where at or above; the others are p-values


class Rows(Section):
    """How many rows a batch needs, and how many are compared at most."""

    least: int = Field(ge=2)
    most: int = Field(ge=2)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least ({self.least}) is above most ({self.most})")
        return self


class FeatureRule(Section):
    """When a feature drifts, which share of drifting features makes a batch drift, and what one alone must show to."""

    method: Numeric
    threshold: float = Field(gt=0)
    share: float = Field(gt=0, le=1)
    alone: float | None = Field(default=..., gt=0)  # null: one feature never suffices


class PredictionRule(Section):
    """When what a model says drifts: its labels or numbers, and its confidence."""

    labels: Categorical
    numbers: Numeric
    threshold: float = Field(gt=0)


class DriftConfig(Section):
    """The whole of `configs/drift.yaml`."""

    rows: Rows
    features: FeatureRule
    predictions: PredictionRule
    drawn: int = Field(ge=0, le=100)
    seed: int


def load_drift(path: Path) -> DriftConfig:
    """The thresholds of a file; raises ParamsError with every fault at once."""
    return load_yaml(path, DriftConfig)

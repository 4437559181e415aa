"""Has a batch drifted from the baseline? A decision on the share of drifting features and on what the models say.

Features of audio are many and correlated, so that single alarms mean little: a batch drifts where a share of the features
does, each at a strict level; where one feature does beyond all doubt; or where a model's predictions do. All three are
needed: other music moves much, a low-pass moves few features far, and other labels may move predictions alone.

The thresholds of `configs/drift.yaml` were set by simulation. Batches of 30, 50 and 100 rows drawn from the distribution
of the reference (GTZAN's 57 features, 500 rows; 192 features of recorded instruments, 220 rows): 2,400 batches, no alarm;
the largest share was 7 %, the least p-value 2e-5. Low-passed at 2 kHz or sampled at 8 kHz, all of 360 batches alarm by a
single feature, while 8 to 13 % of the features drift. Two of ten genres alarm always by the labels; five of ten in 4, 18
and 80 % at 30, 50, 100 rows. Batches of whole albums, five tracks a label, alarm in up to 8 %: they are another mixture,
and small ones may be by chance.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ostinato.core.errors import QualityError
from ostinato.core.files import read_json, read_table
from ostinato.monitoring.baseline import prediction_columns
from ostinato.monitoring.config import DISTANCES, DriftConfig

logger = logging.getLogger(__name__)
_NAMED = 5  # features that a reason names


@dataclass(frozen=True)
class ColumnDrift:
    """One column compared: p-values drift at or below their threshold, distances at or above."""

    name: str
    method: str
    score: float
    threshold: float
    drifted: bool


@dataclass(frozen=True)
class DriftDecision:
    """What was compared and what follows; `reasons` say it in words, also where nothing drifted."""

    drifted: bool
    judged: bool  # false: too few rows to say anything
    rows: int
    compared: int
    reference_rows: int
    share: float
    share_threshold: float
    features: tuple[ColumnDrift, ...]
    predictions: tuple[ColumnDrift, ...]
    missing: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def prediction_drifted(self) -> bool:
        """Whether any prediction or confidence drifted."""
        return any(column.drifted for column in self.predictions)

    def facts(self) -> dict[str, Any]:
        """The decision as JSON-able values."""
        return asdict(self) | {"prediction_drifted": self.prediction_drifted}


@dataclass(frozen=True)
class Reference:
    """A baseline as the step `baseline` wrote it."""

    table: pd.DataFrame
    features: tuple[str, ...]
    problems: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path) -> Reference:
        """Read `reference.parquet` and `baseline.json`; raises QualityError where they are missing."""
        try:
            facts, table = read_json(folder / "baseline.json"), read_table(folder / "reference.parquet")
        except FileNotFoundError:
            raise QualityError(f"{folder}: there is no baseline. Run the line once: ostinato run") from None
        return cls(table, tuple(facts["features"]), tuple(sorted(facts["problems"])))


def decide(reference: Reference, batch: pd.DataFrame, config: DriftConfig, page: Path | None = None) -> DriftDecision:
    """Compare a batch with the reference, and write Evidently's page to `page` where one is asked for.

    `batch` holds the reference's features by name and, for each problem that was predicted, `<problem>.predicted` and
    `<problem>.confidence`. Columns that the batch lacks are named in the decision. Raises QualityError where it shares no
    feature with the reference.
    """
    numbers, labels = _columns(reference, batch)
    current = _thinned(batch, config)
    missing = tuple(name for name in reference.features if name not in batch.columns)
    if len(batch) < config.rows.least:
        reason = f"{len(batch)} rows are too few to judge; at least {config.rows.least} are needed (configs/drift.yaml)"
        return DriftDecision(
            False, False, len(batch), 0, len(reference.table), 0.0, config.features.share, (), (), missing, (reason,)
        )
    from ostinato.monitoring.comparison import compare

    features = [name for name in reference.features if name in numbers]
    rules: dict[str, tuple[str, float]] = dict.fromkeys(features, (config.features.method, config.features.threshold))
    said = [name for name in (*numbers, *labels) if name not in rules]
    level = config.predictions
    rules |= {name: (level.labels if name in labels else level.numbers, level.threshold) for name in said}
    scores = compare(reference.table, current, rules, labels, drawn=config.drawn, page=page)
    columns = {name: _judged(name, *rules[name], score) for name, score in scores.items()}
    predictions = [columns[name] for name in said]
    return _decision(reference, batch, current, config, [columns[name] for name in features], predictions, missing)


def _columns(reference: Reference, batch: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Columns that both hold with values: those of numbers, those of labels."""
    said = [name for problem in reference.problems for name in prediction_columns(problem)]
    both = [
        name
        for name in (*reference.features, *said)
        if name in batch and batch[name].notna().any() and reference.table[name].notna().any()
    ]
    if not set(both) & set(reference.features):
        raise QualityError(
            f"the batch shares no feature with the baseline ({len(reference.features)} features such as "
            f"{', '.join(reference.features[:3])}). Extract it with the parameters of this workspace."
        )
    numbers = [name for name in both if pd.api.types.is_numeric_dtype(reference.table[name])]
    return numbers, [name for name in both if name not in numbers]


def _thinned(batch: pd.DataFrame, config: DriftConfig) -> pd.DataFrame:
    if len(batch) <= config.rows.most:
        return batch.reset_index(drop=True)
    rows = np.random.default_rng(config.seed).choice(len(batch), config.rows.most, replace=False)
    return batch.iloc[np.sort(rows)].reset_index(drop=True)


def _judged(name: str, method: str, threshold: float, score: float) -> ColumnDrift:
    return ColumnDrift(name, method, score, threshold, _passes(method, score, threshold))


def _passes(method: str, score: float, threshold: float | None) -> bool:
    if threshold is None:
        return False
    return score >= threshold if method in DISTANCES else score <= threshold


def _decision(
    reference: Reference,
    batch: pd.DataFrame,
    current: pd.DataFrame,
    config: DriftConfig,
    features: list[ColumnDrift],
    predictions: list[ColumnDrift],
    missing: tuple[str, ...],
) -> DriftDecision:
    share = sum(column.drifted for column in features) / len(features)
    reasons = _reasons(features, predictions, share, config)
    alone = [column for column in features if _passes(column.method, column.score, config.features.alone)]
    if alone:
        reasons.insert(1, f"{strongest(alone)[0].name} alone suffices: {strongest(alone)[0].score:.2g}")
    drifted = bool(share >= config.features.share or alone or any(column.drifted for column in predictions))
    if missing:
        named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        reasons.append(f"{len(missing)} columns of the baseline are not in the batch and were not compared: {named}")
    logger.info("drift: %s (%.0f %% of %d features)", drifted, 100 * share, len(features))
    return DriftDecision(
        drifted=drifted,
        judged=True,
        rows=len(batch),
        compared=len(current),
        reference_rows=len(reference.table),
        share=round(share, 6),
        share_threshold=config.features.share,
        features=tuple(features),
        predictions=tuple(predictions),
        missing=missing,
        reasons=tuple(reasons),
    )


def _reasons(
    features: list[ColumnDrift], predictions: list[ColumnDrift], share: float, config: DriftConfig
) -> list[str]:
    worst = [column.name for column in strongest(features) if column.drifted][:_NAMED]
    limit = config.features.share
    side = "at or above" if share >= limit else "below"
    names = f" (most: {', '.join(worst)})" if worst else ""
    reasons = [f"{share:.0%} of {len(features)} features drift{names}, {side} the limit of {limit:.0%}"]
    for column in predictions:
        word = "drifts" if column.drifted else "does not drift"
        reasons.append(f"{column.name} {word}: {column.method} {column.score:.2g}, threshold {column.threshold:g}")
    return reasons


def strongest(columns: list[ColumnDrift]) -> list[ColumnDrift]:
    """Columns of one method, the one that drifted most first."""
    return sorted(columns, key=lambda c: (-c.score if c.method in DISTANCES else c.score, c.name))


def batch_frame(features: pd.DataFrame, predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A batch for `decide`: features by track_id with each problem's `predicted` and `confidence` beside them."""
    joined = features
    for problem, table in sorted(predictions.items()):
        predicted, confidence = prediction_columns(problem)
        said = table[["track_id", "predicted", "confidence"]]
        said = said.rename(columns={"predicted": predicted, "confidence": confidence})
        joined = joined.merge(said, on="track_id", how="left")
    return joined

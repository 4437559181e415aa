"""The one adapter to Evidently: scores of columns, and its page.

Evidently draws two plots for each column, and that is nearly all of its time. So columns are first scored without plots,
and the page draws those that drifted most, above a table of all of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ostinato.core.files import replacing
from ostinato.monitoring.config import DISTANCES

Rule = tuple[str, float]  # method, threshold
_LEAST_EXPECTED = 5.0  # rows a cell of a chi-square test should expect (Cochran 1954)


def compare(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    rules: Mapping[str, Rule],
    labels: list[str],
    *,
    drawn: int,
    page: Path | None,
) -> dict[str, float]:
    """Score of each column of `rules`, a p-value or a distance by its method; empty cells are left out.

    `labels` names the columns of categories; the others hold numbers. Where `page` is given, a page of plots goes there.
    """
    from evidently import Report

    quiet = _metrics()
    frames = _datasets(reference, current, list(rules), labels)
    snapshot = Report([quiet(column=n, method=m, threshold=t) for n, (m, t) in rules.items()]).run(*frames)
    scores = {item["config"]["column"]: float(item["value"]) for item in snapshot.dict()["metrics"]}
    if page is not None:
        _write_page(frames, rules, scores, drawn, page)
    return {name: scores[name] for name in rules}


def _datasets(reference: pd.DataFrame, current: pd.DataFrame, columns: list[str], labels: list[str]) -> tuple[Any, Any]:
    from evidently import DataDefinition, Dataset

    numbers = [name for name in columns if name not in labels]
    kinds = DataDefinition(numerical_columns=numbers, categorical_columns=[n for n in columns if n in labels])

    def dataset(frame: pd.DataFrame) -> Any:
        typed = frame[columns].astype(dict.fromkeys(numbers, "float64"))
        return Dataset.from_pandas(typed.replace([np.inf, -np.inf], np.nan), kinds)

    return dataset(current), dataset(reference)


def _write_page(
    frames: tuple[Any, Any], rules: Mapping[str, Rule], scores: Mapping[str, float], drawn: int, page: Path
) -> None:
    from evidently import Report
    from evidently.metrics import ValueDrift

    order = sorted(rules, key=lambda name: (_strangeness(rules[name], scores[name]), name))
    metrics = [ValueDrift(column=n, method=rules[n][0], threshold=rules[n][1]) for n in order[:drawn]]
    quiet = _metrics()
    metrics += [quiet(column=n, method=rules[n][0], threshold=rules[n][1]) for n in order[drawn:]]
    snapshot = Report(metrics).run(*frames)
    with replacing(page) as part:
        snapshot.save_html(str(part))


def _strangeness(rule: Rule, score: float) -> float:
    """Low where a column drifted most, comparable enough to order columns of different methods."""
    method, threshold = rule
    return threshold / max(score, 1e-12) if method in DISTANCES else score / threshold


@cache
def _metrics() -> Any:
    """Evidently's metric of a column's drift without its plots; our test of labels is made known on the way."""
    os.environ["DO_NOT_TRACK"] = "1"
    from evidently.core.metric_types import SingleValueCalculation
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.legacy.renderers.html_widgets import CounterData, counter
    from evidently.metrics import ValueDrift
    from evidently.metrics.column_statistics import ValueDriftCalculation

    class ScoredDrift(ValueDrift):  # type: ignore[misc]
        """`ValueDrift` that shows a number where the other shows plots."""

    class ScoredDriftCalculation(SingleValueCalculation[ScoredDrift]):  # type: ignore[misc]
        """Evidently ties a calculation to its metric by the type argument, so inheriting would replace theirs."""

        calculate = ValueDriftCalculation.calculate
        display_name = ValueDriftCalculation.display_name

        def _render(self, result: Any, options: Any, color_options: Any) -> Any:
            word = "drifted" if result.drift_detected else "no drift"
            text = f"{word}: {result.stattest_name} {result.drift_score:.3g}"
            return [counter(counters=[CounterData(result.column_name, text)])]

    register_stattest(
        StatTest("contingency", "chi-square of two samples, p-value", [ColumnType.Categorical]), _contingency
    )
    return ScoredDrift


def _contingency(reference: pd.Series, current: pd.Series, kind: Any, threshold: float) -> tuple[float, bool]:
    """Chi-square test that two samples of labels come from one distribution; both are samples, and small ones.

    Labels are pooled, the rarest first, until each expects five rows in the smaller sample. Evidently's own `chisquare`
    takes the reference for the truth, which raises false alarms where the reference is small as well.
    """
    from scipy.stats import chi2_contingency

    counts = pd.DataFrame({"reference": reference.value_counts(), "current": current.value_counts()}).fillna(0.0)
    counts = counts.assign(total=counts.sum(axis=1)).sort_values("total", kind="stable")
    table = counts[["reference", "current"]].to_numpy()
    needed = _LEAST_EXPECTED * table.sum() / table.sum(axis=0).min()
    rows: list[np.ndarray] = []
    pool = np.zeros(2)
    for row in table:
        pool = pool + row
        if pool.sum() >= needed:
            rows.append(pool)
            pool = np.zeros(2)
    if rows:
        rows[-1] = rows[-1] + pool
    if len(rows) < 2:  # noqa: PLR2004
        return 1.0, False
    p = float(chi2_contingency(np.array(rows), correction=False)[1])
    return p, p <= threshold

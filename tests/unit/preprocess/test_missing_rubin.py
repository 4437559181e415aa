"""Rubin's rules against figures worked out by hand, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ostinato import MissingValueHandler
from ostinato.core.errors import UsageError
from ostinato.preprocess.missing import pool


def test_rules() -> None:
    pooled = pool([[1.0], [2.0], [3.0]], [[0.5], [0.5], [0.5]])
    total = 0.5 + 4 / 3 * 1.0
    assert pooled.estimate == pytest.approx(2.0)
    assert pooled.std_error == pytest.approx(np.sqrt(total))
    assert pooled.df == pytest.approx(2 * (total / (4 / 3)) ** 2)


def test_small_samples_have_fewer_degrees_of_freedom() -> None:
    few = pool([1.0, 2.0, 3.0], [0.5] * 3, complete_df=10)
    old, lost = pool([1.0, 2.0, 3.0], [0.5] * 3).df, (4 / 3) / (0.5 + 4 / 3)
    seen = 11 / 13 * 10 * (1 - lost)
    assert few.df == pytest.approx(old * seen / (old + seen))


def test_nothing_missing_is_the_plain_interval() -> None:
    pooled = pool([1.0, 1.0], [0.25, 0.25])
    assert np.isinf(pooled.df)
    assert pooled.missing_information == 0
    assert pooled.high - pooled.low == pytest.approx(2 * 1.959964 * 0.5, abs=1e-5)
    assert pooled.to_dict()["df"] == [None]


@pytest.mark.parametrize(
    ("estimates", "variances", "words"),
    [([1.0], [1.0], "at least 2"), ([1.0, 2.0], [1.0], "shape"), ([1.0, 2.0], [1.0, -1.0], "not negative")],
)
def test_what_cannot_be_pooled(estimates: list[float], variances: list[float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pool(estimates, variances)


@pytest.mark.long
def test_intervals_cover() -> None:
    from benchmarks.imputation import coverage

    covered = coverage(400)
    assert min(covered.values()) >= 0.91  # three standard errors of 400 repeats below 95 %


def test_a_mean_that_depends_on_what_is_missing() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    table = pd.DataFrame({"x": x, "y": x + 0.5 * rng.normal(size=400)})
    table.loc[x > 0.3, "y"] = np.nan  # the mean of what is left lies far below 0
    pooled = MissingValueHandler("mice", m=10).fit(table).pooled(lambda t: (t["y"].mean(), t["y"].var() / len(t)))
    assert table["y"].mean() < -0.4
    assert pooled.low < 0.05
    assert pooled.high > -0.05
    assert 0 < pooled.missing_information < 1

"""Gaps, associations, drift, leak suspects: what columns say of each other."""

import numpy as np
import pandas as pd
import pytest

from ostinato import DataQualityAnalyzer
from ostinato.core.errors import UsageError
from ostinato.quality.profile.association import correlation_ratio, cramers_v


def kinds(report, column=None):
    return {each.kind for each in report.findings if column is None or column in each.columns}


@pytest.fixture
def numbers(rng):
    n = 3000
    a = rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": a + rng.normal(size=n), "c": rng.normal(size=n), "g": rng.choice(list("xyz"), n)})


def test_gaps_at_random_are_not_accused(numbers, rng):
    for seed in range(10):
        frame = numbers.copy()
        frame.loc[np.random.default_rng(seed).random(len(frame)) < 0.2, "c"] = np.nan
        report = DataQualityAnalyzer().analyze(frame)
        assert "missing_not_at_random" not in kinds(report)
        assert report.missing.signs == ()


def test_littles_test_keeps_its_level_under_mcar_and_sees_mar(rng):
    p = []
    for seed in range(60):
        own = np.random.default_rng(seed)
        z = own.normal(size=(400, 3))
        frame = pd.DataFrame({"a": z[:, 0], "b": z[:, 0] + z[:, 1], "c": z[:, 2]})
        frame = frame.mask(own.random(frame.shape) < 0.15)
        p.append(DataQualityAnalyzer().analyze(frame).missing.little.p)
    assert np.mean(np.array(p) < 0.05) < 0.15  # 60 draws of 0.05 stay below it but once in 300
    assert 0.3 < np.mean(p) < 0.7
    frame = pd.DataFrame({"a": z[:, 0], "b": np.where(z[:, 0] > 0.5, np.nan, z[:, 1])})
    assert DataQualityAnalyzer().analyze(frame).missing.little.p < 1e-6


def test_gaps_that_depend_on_another_column(numbers, rng):
    numbers.loc[(numbers["a"] > 0) & (rng.random(len(numbers)) < 0.6), "c"] = np.nan
    report = DataQualityAnalyzer().analyze(numbers)
    sign = next(each for each in report.missing.signs if each.other == "a")
    assert sign.column == "c"
    assert sign.effect > 0.3
    assert "missing_not_at_random" in kinds(report, "c")


def test_gaps_by_rule(numbers, rng):
    numbers["plan"] = rng.choice(["free", "paid"], len(numbers))
    numbers.loc[numbers["plan"] == "free", "c"] = np.nan
    found = next(
        each for each in DataQualityAnalyzer().analyze(numbers).findings if each.kind == "missing_not_at_random"
    )
    assert "exactly where plan" in found.says


def test_columns_missing_together_and_patterns(numbers):
    numbers.loc[:99, ["a", "b"]] = np.nan
    numbers.loc[50:59, "c"] = np.nan
    facts = DataQualityAnalyzer().analyze(numbers).missing
    assert facts.together == (("a", "b", 1.0),)
    assert facts.patterns == ((("a", "b"), 90), (("a", "b", "c"), 10))
    assert (facts.cells, facts.complete_rows) == (210, 2900)


def test_rank_correlations_are_scipys(numbers):
    from scipy.stats import spearmanr

    facts = DataQualityAnalyzer().analyze(numbers).associations
    rho = np.array(facts.spearman)
    names = list(facts.numbers)
    for one, other in (("a", "b"), ("a", "c")):
        expected = spearmanr(numbers[one], numbers[other]).statistic
        assert rho[names.index(one), names.index(other)] == pytest.approx(expected, abs=1e-9)


def test_categories_of_no_relation_have_none(rng):
    values = [cramers_v(rng.integers(0, 20, 500), 20, rng.integers(0, 20, 500), 20)[0] for _ in range(20)]
    assert np.mean(values) < 0.06
    etas = [correlation_ratio(rng.integers(0, 40, 500), 40, rng.normal(size=500)) for _ in range(20)]
    assert np.mean(etas) < 0.12


def test_a_category_that_follows_a_number_is_seen(numbers):
    numbers["mood"] = np.where(numbers["a"] > 0, "glad", "sad")
    pairs = {(p.one, p.other): p.value for p in DataQualityAnalyzer().analyze(numbers).associations.pairs}
    assert pairs["mood", "a"] > 0.8


def test_drift_against_a_reference(numbers, rng):
    later = numbers.copy()
    later["a"] += 1.0
    later["g"] = rng.choice(list("xyzw"), len(later))
    later.loc[::2, "c"] = np.nan
    later = later.rename(columns={"b": "d"})
    report = DataQualityAnalyzer().analyze(later, reference=numbers)
    assert "drift" in kinds(report, "a")
    shift = next(each for each in report.drift.shifts if each.column == "g")
    assert shift.unseen_levels == ("w",)
    assert "drift_of_gaps" in kinds(report, "c")
    assert (report.drift.gone, report.drift.new) == (("b",), ("d",))


def test_the_same_table_has_not_drifted(numbers):
    first, second = numbers[::2], numbers[1::2]
    report = DataQualityAnalyzer().analyze(second, reference=first)
    assert "drift" not in kinds(report)
    assert max(shift.distance for shift in report.drift.shifts) < 0.06


def test_an_empty_reference_is_refused(numbers):
    with pytest.raises(UsageError, match="no rows"):
        DataQualityAnalyzer().analyze(numbers, reference=numbers[:0])


def test_drift_over_time_in_rows_of_any_order(rng):
    n = 900
    days = pd.date_range("2020-01-01", periods=n).to_series().to_numpy()
    frame = pd.DataFrame({"day": days, "x": rng.normal(np.arange(n) / 300, 1), "y": rng.normal(size=n)})
    frame["day"] = frame["day"].dt.strftime("%Y-%m-%d")
    report = DataQualityAnalyzer(time="day").analyze(frame.sample(frac=1, random_state=0))
    assert "drift" in kinds(report, "x")
    assert "drift" not in kinds(report, "y")
    assert "out_of_order" in kinds(report, "day")


def test_a_time_that_is_none_is_said(numbers):
    report = DataQualityAnalyzer(time="g").analyze(numbers)
    assert report.drift is None
    assert "no_time" in kinds(report, "g")


def test_copies_of_the_target_and_columns_known_afterwards(numbers, rng):
    numbers["bought"] = np.where(numbers["b"] + rng.normal(size=len(numbers)) > 0, "yes", "no")
    numbers["code"] = numbers["bought"].map({"yes": 7, "no": 3})
    numbers["paid_at"] = np.where(numbers["bought"] == "yes", rng.random(len(numbers)), np.nan)
    report = DataQualityAnalyzer(target="bought").analyze(numbers)
    assert "leak" in kinds(report, "code")
    assert "leak_of_gaps" in kinds(report, "paid_at")
    assert not {"leak", "leak_of_gaps"} & kinds(report, "a")
    assert not {"leak", "leak_of_gaps"} & kinds(report, "b")


def test_a_number_made_from_the_target(numbers, rng):
    numbers["score"] = numbers["b"] * 2 + 1
    report = DataQualityAnalyzer(target="b").analyze(numbers)
    assert report.leaks.kind == "a number"
    assert "leak" in kinds(report, "score")
    assert "leak" not in kinds(report, "a")


def test_an_identifier_says_nothing_of_the_target(rng):
    n = 2000
    frame = pd.DataFrame({"id": [f"k{at:05d}" for at in range(n)], "y": rng.integers(0, 2, n)})
    facts = DataQualityAnalyzer(target="y").analyze(frame).leaks
    assert facts.skills[0].skill < 0.02


def test_groups_keep_a_name_from_knowing_its_own_answer(rng):
    artist = np.repeat(np.arange(40), 25)
    frame = pd.DataFrame({"artist": [f"artist {a}" for a in artist], "x": rng.normal(size=1000), "genre": artist % 4})
    skill = {
        groups: next(
            s.skill
            for s in DataQualityAnalyzer(target="genre", groups=groups).analyze(frame).leaks.skills
            if s.column == "artist"
        )
        for groups in (None, "artist")
    }
    assert skill[None] > 0.9
    assert skill["artist"] < 0.05


def test_a_target_with_one_answer_or_gaps():
    frame = pd.DataFrame({"x": range(100), "y": ["a"] * 90 + [None] * 10})
    assert {"target_missing", "target_constant"} <= kinds(DataQualityAnalyzer(target="y").analyze(frame), "y")


def test_a_large_table_is_sampled_and_says_so(rng):
    frame = pd.DataFrame({"x": rng.normal(size=30_000), "y": rng.normal(size=30_000)})
    report = DataQualityAnalyzer(sample=5_000).analyze(frame)
    assert any("5,000 of 30,000 rows" in note for note in report.notes)
    assert report.associations.pairs == ()

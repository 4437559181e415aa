"""Tables of features and predictions are judged by their suites, with facts that no single column holds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ostinato.core.errors import QualityError
from ostinato.quality.facts import with_facts
from ostinato.quality.judgement import judge_features, judge_predictions, refuse_critical

CONFIGS = Path(__file__).parents[3] / "configs" / "quality"


def features(rng, n=60, **columns):
    frame = pd.DataFrame(rng.normal(size=(n, 5)), columns=list("abcde")).astype({"a": "float32"})
    return frame.assign(track_id=[f"é/{i}" for i in range(n)], **columns)


def predictions(rng, n=60, **columns):
    chances = rng.dirichlet([1, 1, 1], n)
    named = np.array(["jig", "reel", "Größe"], dtype=object)
    frame = pd.DataFrame(chances, columns=[f"p_{name}" for name in named])
    said = {"track_id": [f"é/{i}" for i in range(n)], "predicted": named[chances.argmax(axis=1)]}
    return frame.assign(**said, confidence=chances.max(axis=1)).assign(**columns)


def reasons(judgement):
    return {(bad.track_id, bad.column) for bad in judgement.bad_rows}


def test_good_tables_pass(rng):
    frame = features(rng)
    assert judge_features(CONFIGS, frame, frame[["track_id"]]).success
    assert judge_predictions(CONFIGS, predictions(rng)).success


@pytest.mark.parametrize(("value", "column"), [(np.nan, "gaps"), (np.inf, "infinities"), (-1e15, "largest")])
def test_a_number_that_no_measure_gives_sets_its_vector_aside(rng, value, column):
    frame = features(rng)
    frame.loc[7, "b"] = value
    found = judge_features(CONFIGS, frame)
    assert reasons(found) == {("é/7", column)}
    assert bool(found.critical) is (column == "infinities")


def test_vectors_of_unknown_tracks_and_twice_the_same_stop(rng):
    frame = features(rng)
    frame.loc[3, "track_id"] = "é/4"
    found = judge_features(CONFIGS, frame, frame[["track_id"]].iloc[:50])
    assert {failure.column for failure in found.critical} == {"track_id", "track_known"}
    with pytest.raises(QualityError) as caught:
        refuse_critical(found, "Run `extract` again.")
    words = str(caught.value)
    for said in (
        "features fails 2 critical checks",
        "more than one vector",
        "10 of 60 rows",
        "é/50",
        "Run `extract` again.",
    ):
        assert said in words, said


def test_vectors_that_were_never_filled_are_told(rng):
    frame = features(rng)
    frame.loc[:9, list("abcde")] = 0.0
    found = judge_features(CONFIGS, frame)
    assert [failure.column for failure in found.failures] == ["spread"]
    assert not found.critical


def test_a_table_without_rows_or_features_is_critical(rng):
    assert judge_features(CONFIGS, features(rng)[:0]).critical
    assert judge_features(CONFIGS, features(rng)[["track_id"]]).critical
    assert judge_predictions(CONFIGS, predictions(rng)[:0]).critical


@pytest.mark.parametrize(
    ("changed", "column", "critical"),
    [
        ({"confidence": 1.5}, "confidence", True),
        ({"p_jig": -0.2}, "p_least", True),
        ({"p_jig": 3.0}, "p_most", True),
        ({"p_jig": 0.9, "p_reel": 0.9}, "p_sum", False),
        ({"predicted": "polka"}, "p_agrees", False),
        ({"predicted": None}, "predicted", True),
    ],
)
def test_predictions_that_cannot_be_are_named(rng, changed, column, critical):
    frame = predictions(rng)
    frame.loc[5, list(changed)] = list(changed.values())
    found = judge_predictions(CONFIGS, frame)
    assert column in {failure.column for failure in found.failures}
    assert (column in {failure.column for failure in found.critical}) is critical


def test_predicted_numbers_are_judged_and_rules_of_classes_are_skipped():
    frame = pd.DataFrame({"path": ["/a", "/b"], "predicted": [1.5, np.inf], "confidence": np.nan})
    found = judge_predictions(CONFIGS, frame)
    assert reasons(found) == {("/b", "finite")}
    assert any("p_sum" in skipped for skipped in found.skipped)


def test_facts_leave_the_table_and_its_own_columns_alone(rng):
    frame = features(rng, gaps=3)
    before = frame.copy()
    judged = with_facts("features", {"features": frame})
    assert (judged["gaps"] == 3).all()
    pd.testing.assert_frame_equal(frame, before)
    assert len(with_facts("features", {"features": frame[:0]})) == 0


def test_nullable_numbers_and_rows_of_gaps_only_are_counted():
    frame = pd.DataFrame({"track_id": ["a", "b"], "x": pd.array([1, None], dtype="Int64"), "y": [np.inf, np.nan]})
    judged = with_facts("features", {"features": frame})
    assert judged[["gaps", "infinities", "largest"]].to_numpy().tolist() == [[0, 1, 1], [2, 0, 0]]

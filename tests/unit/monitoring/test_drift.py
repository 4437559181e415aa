import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from ostinato.core.errors import ParamsError, QualityError
from ostinato.monitoring.baseline import describe, make_reference
from ostinato.monitoring.config import load_drift
from ostinato.monitoring.drift import Reference, batch_frame, decide

ROOT = Path(__file__).parents[3]
GTZAN = ROOT.parent / "shared" / "data" / "tables" / "gtzan_features" / "features_30_sec.csv"
CONFIG = load_drift(ROOT / "configs" / "drift.yaml")


def music(rng, n, shift=0.0, columns=20):
    common = rng.normal(size=(n, 1))
    frame = pd.DataFrame(common + rng.normal(size=(n, columns)) + shift, columns=[f"f{i:02d}" for i in range(columns)])
    frame.insert(0, "track_id", [f"t{i:04d}" for i in range(n)])
    return frame


def said(rng, frame, shares=(0.5, 0.3, 0.2)):
    labels = rng.choice(["air", "jig", "reel"], len(frame), p=shares)
    confidence = rng.beta(5, 2, len(frame))
    return pd.DataFrame({"track_id": frame["track_id"], "predicted": labels, "confidence": confidence})


@pytest.fixture
def rng():
    return np.random.default_rng(1685)


@pytest.fixture
def reference(rng):
    features = music(rng, 300)
    table = make_reference(features, {"dance": said(rng, features[:90])}, rows=2000, seed=7)
    return Reference(table, tuple(features.columns[1:]), ("dance",))


def test_a_batch_of_the_same_music_does_not_drift(rng, reference):
    frame = music(rng, 40)
    decision = decide(reference, batch_frame(frame, {"dance": said(rng, frame)}), CONFIG)
    assert (decision.drifted, decision.judged, decision.rows) == (False, True, 40)
    assert len(decision.features) == 20
    assert {column.name for column in decision.predictions} == {"dance.predicted", "dance.confidence"}
    json.dumps(decision.facts(), allow_nan=False)


def test_scores_are_those_of_the_named_test(rng, reference):
    frame = music(rng, 40)
    decision = decide(reference, frame, CONFIG)
    for column in decision.features[:5]:
        expected = ks_2samp(reference.table[column.name], frame[column.name]).pvalue
        assert column.score == pytest.approx(expected, rel=1e-9)


def test_other_music_drifts_and_the_page_shows_it(rng, reference, tmp_path):
    page = tmp_path / "drift.html"
    decision = decide(reference, music(rng, 40, shift=1.0), CONFIG, page)
    assert decision.drifted
    assert decision.share >= CONFIG.features.share
    assert "drift" in decision.reasons[0]
    text = page.read_text(encoding="utf-8")
    assert "f00" in text
    assert "ostinato" not in {path.name for path in tmp_path.iterdir()}
    assert not list(tmp_path.glob(".*"))


def test_one_feature_beyond_doubt_suffices(rng, reference):
    frame = music(rng, 40)
    frame["f03"] += 8
    decision = decide(reference, frame, CONFIG)
    assert decision.drifted
    assert decision.share < CONFIG.features.share
    assert any("f03 alone suffices" in reason for reason in decision.reasons)


def test_other_predictions_drift_where_features_do_not(rng, reference):
    frame = music(rng, 40)
    decision = decide(reference, batch_frame(frame, {"dance": said(rng, frame, (0.0, 0.1, 0.9))}), CONFIG)
    assert decision.drifted
    assert decision.prediction_drifted
    assert decision.share == 0


def test_a_handful_of_rows_is_not_judged(rng, reference):
    decision = decide(reference, music(rng, 5, shift=9.0), CONFIG)
    assert not decision.drifted
    assert not decision.judged
    assert "too few" in decision.reasons[0]


def test_a_batch_of_something_else_is_refused(rng, reference):
    with pytest.raises(QualityError, match="shares no feature"):
        decide(reference, music(rng, 40).rename(columns=lambda name: f"x_{name}"), CONFIG)


def test_missing_and_empty_columns_are_named_and_survived(rng, reference):
    frame = music(rng, 40).drop(columns=["f00"]).assign(f01=np.nan)
    frame.loc[3, "f02"] = np.inf
    decision = decide(reference, frame, CONFIG)
    assert "f00" in decision.missing
    assert len(decision.features) == 18
    assert not decision.drifted


def test_a_large_batch_is_thinned_the_same_way_each_time(rng, reference):
    frame = music(rng, 900)
    first, second = decide(reference, frame, CONFIG), decide(reference, frame, CONFIG)
    assert (first.rows, first.compared) == (900, 500)
    assert first == second


@pytest.mark.skipif(not GTZAN.is_file(), reason="tables/gtzan_features is not here")
def test_recorded_music_other_genres_drift_and_the_same_mixture_does_not(rng):
    table = pd.read_csv(GTZAN).drop(columns=["length"]).rename(columns={"filename": "track_id"})
    table = table.sample(frac=1, random_state=7, ignore_index=True)
    features = tuple(name for name in table.columns if name not in ("track_id", "label"))
    reference, rest = Reference(table[:500], features, ()), table[500:]
    same = [decide(reference, rest.sample(40, random_state=seed), CONFIG).drifted for seed in range(5)]
    other = decide(reference, rest[rest["label"].isin(["classical"])][:40], CONFIG)
    assert same == [False] * 5
    assert other.drifted


def test_every_fault_of_the_thresholds_is_reported_at_once(tmp_path):
    path = tmp_path / "drift.yaml"
    path.write_text(
        "rows: {least: 50, most: 20}\nfeatures: {method: guess, threshold: 0.1, share: 2, alone: null}\n"
        "predictions: {labels: contingency, numbers: ks, threshold: 0.1}\ndrawn: 1\nseed: 1\nmore: 1\n"
    )
    with pytest.raises(ParamsError) as caught:
        load_drift(path)
    for words in (
        "4 faults",
        "least (50) is above most (20)",
        "features.method",
        "features.share",
        "more: unknown key",
    ):
        assert words in str(caught.value)


def test_the_reference_keeps_tested_rows_first_and_is_the_same_each_time(rng):
    features = music(rng, 200)
    predictions = {"dance": said(rng, features[150:])}
    first, second = (make_reference(features, predictions, rows=60, seed=1) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert len(first) == 60
    assert first["dance.predicted"].notna().sum() == 50
    assert first["track_id"].is_monotonic_increasing
    facts = describe(first, ["dance"])
    assert facts["problems"]["dance"]["rows"] == 50
    assert sum(facts["problems"]["dance"]["shares"].values()) == pytest.approx(1, abs=1e-5)

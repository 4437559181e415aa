"""A table of tracks without audio goes through the line: words, dates and gaps among its columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.flow.installation import Installation

pytestmark = pytest.mark.flow


def _table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    mood = rng.choice(["calm", "bright", "düster"], rows)
    energy = rng.normal(size=rows)
    frame = pd.DataFrame(
        {
            "track_id": [f"t{seed}-{row:04d}" for row in range(rows)],
            "artist": [f"artist {row % 40}" for row in range(rows)],
            "mood": mood,
            "released": pd.Timestamp("2001-01-01") + pd.to_timedelta(rng.integers(0, 8000, rows), unit="D"),
            "energy": energy,
        }
    )
    frame["plays"] = np.round(20 * (mood == "bright") + 5 * energy + rng.normal(size=rows) + 50, 2)
    frame.loc[frame.index % 11 == 0, "energy"] = np.nan
    return frame


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    home = Installation.make(tmp_path_factory.mktemp("table") / "home")
    home.change(
        lambda value: value["problems"]["genre"]["search"].update(algorithms=["ridge", "lightgbm_regressor"], trials=3)
    )
    source = home.root.parent / "songs.csv"
    _table(240, 0).to_csv(source, index=False)
    home.ostinato("run", "--source", str(source), "--target", "plays", timeout=400)
    return home


def test_the_model_learns_from_words_and_scores_a_new_table(installed, tmp_path):
    new = _table(60, 1)
    new.drop(columns="plays").to_csv(tmp_path / "new.csv", index=False)
    said = installed.json("score", "songs.plays", str(tmp_path / "new.csv"), str(tmp_path / "out.parquet"))
    answers = pd.read_parquet(tmp_path / "out.parquet")
    assert said["rows"] == 60
    assert answers["track_id"].tolist() == new["track_id"].tolist()
    bright = answers.loc[(new["mood"] == "bright").to_numpy(), "predicted"].mean()
    assert bright - answers.loc[(new["mood"] != "bright").to_numpy(), "predicted"].mean() > 10
    row = installed.json("lineage", answers["prediction_id"][3])
    assert f"new.csv#{new['track_id'][3]}" in str(row)


def test_a_table_without_a_column_the_model_reads_is_refused_by_its_name(installed, tmp_path):
    _table(5, 2).drop(columns=["mood"]).to_csv(tmp_path / "few.csv", index=False)
    done = installed.ostinato("score", "songs.plays", str(tmp_path / "few.csv"), str(tmp_path / "out.csv"), code=2)
    assert "mood" in done.stderr


def test_another_target_needs_a_problem_of_its_own(installed):
    source = installed.root.parent / "songs.csv"
    done = installed.ostinato("run", "--source", str(source), "--target", "energy", code=2)
    assert "predicts plays, not 'energy'" in done.stderr

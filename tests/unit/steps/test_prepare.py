import numpy as np
import pandas as pd
import pytest

from ostinato.core.errors import QualityError
from ostinato.core.files import read_json, write_table
from ostinato.core.hashing import sha256_of_file
from ostinato.core.params import PrepareParams
from ostinato.quality.quarantine import BadRow, quarantine_table
from ostinato.steps.prepare import prepare

FILL = PrepareParams(duplicates="drop", numeric="median", categorical="mode")


def raw(n=10):
    return pd.DataFrame(
        {
            "track_id": [f"t{i:02d}" for i in range(n)],
            "path": [f"/music/{i}.wav" for i in range(n)],
            "sha256": [f"{i:064x}" for i in range(n)],
            "readable": True,
            "problem": None,
            "duration": 12.0,
            "label": ["waltz", "reel"] * (n // 2),
            "tempo": ["100", None] * (n // 2),
        }
    )


def events(*track_ids):
    return pd.DataFrame({"user_id": "u", "track_id": list(track_ids), "kind": "play", "seconds": 1.0})


@pytest.fixture
def line(tmp_path):
    def run(tracks, heard=None, aside=(), params=FILL, name="w"):
        folder = tmp_path / name
        write_table(folder / "tracks.parquet", tracks)
        write_table(folder / "events.parquet", events("t00") if heard is None else heard)
        write_table(folder / "quarantine.parquet", quarantine_table(aside))
        report = prepare(
            params,
            tracks=folder / "tracks.parquet",
            events=folder / "events.parquet",
            quarantine=folder / "quarantine.parquet",
            clean=folder / "clean.parquet",
            clean_events=folder / "clean_events.parquet",
            report=folder / "prepare.json",
        )
        return report, folder

    return run


def bad(table, track_id, row):
    return BadRow(table, track_id, row, "s", "e", "c", "because")


def test_quarantined_and_duplicate_tracks_go_with_their_events(line):
    tracks = raw()
    tracks.loc[3, "sha256"] = tracks.loc[1, "sha256"]  # one recording, one label
    tracks.loc[5, "sha256"] = tracks.loc[4, "sha256"]  # one recording, two labels
    heard = events("t00", "t02", "t03", "t04", "t06", "t07")
    report, folder = line(tracks, heard, [bad("tracks", "t02", 2), bad("events", "t06", 4)])
    clean = pd.read_parquet(folder / "clean.parquet")
    assert clean["track_id"].tolist() == ["t00", "t01", "t06", "t07", "t08", "t09"]
    assert not {"readable", "problem"} & set(clean)
    assert pd.read_parquet(folder / "clean_events.parquet")["track_id"].tolist() == ["t00", "t07"]
    assert (report.quarantined, report.duplicates, report.conflicting) == (1, 1, 2)
    dropped = read_json(folder / "prepare.json")["dropped"]
    assert dropped == {
        "copies of a track that stays": ["t03"],
        "copies under different labels": ["t04", "t05"],
        "rows of one key under different labels": [],
    }


def test_the_first_row_of_a_key_stays_and_what_the_others_say_is_told(line):
    tracks = pd.concat([raw(), raw().iloc[[2, 2, 5]]], ignore_index=True)
    tracks.loc[10, "tempo"] = "99"
    tracks.loc[12, "label"] = "waltz"  # t05 was a reel before
    report, folder = line(tracks)
    clean = pd.read_parquet(folder / "clean.parquet").set_index("track_id")
    assert (report.repeated, report.conflicting, report.quarantined) == (3, 1, 0)
    assert clean.loc["t02", "tempo"] == 100
    assert "t05" not in clean.index
    assert clean.index.is_unique
    facts = read_json(folder / "prepare.json")
    assert facts["keys_used_again_differ_in"] == {"label": 1, "tempo": 1}
    assert facts["dropped"]["rows of one key under different labels"] == ["t05"]


def test_text_becomes_numbers_and_fills_are_told(line):
    _, folder = line(raw())
    clean, facts = pd.read_parquet(folder / "clean.parquet"), read_json(folder / "prepare.json")
    assert clean["tempo"].tolist() == [100.0] * 10
    assert facts["fills"] == [{"column": "tempo", "rows": 5, "rule": "median", "value": 100.0}]
    assert clean["imputed"].tolist() == [None, "tempo"] * 5


def test_duplicates_can_be_kept(line):
    tracks = raw().assign(sha256="1" * 64)
    params = FILL.model_copy(update={"duplicates": "keep"})
    assert line(tracks, params=params)[0].clean == 10


def test_a_catalogue_of_conflicting_copies_stops_with_words(line):
    with pytest.raises(QualityError, match=r"no track of 10 stays.*10 are copies"):
        line(raw().assign(sha256="1" * 64))


def test_outputs_are_equal_bytes_on_two_runs_and_in_any_row_order(line):
    one = line(raw(), name="one")[1]
    two = line(raw().sample(frac=1, random_state=1), name="two")[1]
    for name in ("clean.parquet", "clean_events.parquet", "prepare.json"):
        assert sha256_of_file(one / name) == sha256_of_file(two / name), name


@pytest.mark.parametrize("rule", ["mice", "knn"])
def test_numbers_can_be_filled_by_the_other_columns(line, rule):
    rng = np.random.default_rng(0)
    tracks = raw(80)
    energy = rng.normal(size=80)
    tracks["energy"] = energy
    tracks["tempo"] = 100 + 20 * energy + rng.normal(0, 0.5, 80)
    tracks.loc[::4, "tempo"] = None
    truth = (100 + 20 * energy)[::4]
    params = FILL.model_copy(update={"numeric": rule})
    _, folder = line(tracks, params=params)
    clean, facts = pd.read_parquet(folder / "clean.parquet"), read_json(folder / "prepare.json")
    error = np.abs(clean["tempo"].to_numpy()[::4] - truth).mean()
    assert error < 5 < np.abs(np.nanmedian(tracks["tempo"].astype(float)) - truth).mean()
    assert facts["fills"] == [{"column": "tempo", "rows": 20, "rule": rule, "value": None}]
    assert clean["imputed"].tolist()[:4] == ["tempo", None, None, None]
    _, again = line(tracks, params=params, name="again")
    assert sha256_of_file(again / "clean.parquet") == sha256_of_file(folder / "clean.parquet")

"""Descriptions: cheap, and right about kind, labels and group."""

from pathlib import Path

import pandas as pd
import pytest

from ostinato.catalog.describe import describe_source, likely_group
from ostinato.core.errors import SourceError, UsageError


def test_a_folder(tmp_path: Path) -> None:
    for name in ("a/1.wav", "a/2.wav", "b/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no audio at all")
    found = describe_source(tmp_path)
    assert (found.kind, dict(found.labels), found.group, found.files) == ("folder", {"a": 2, "b": 1}, None, 3)


def test_a_folder_with_tracks_csv_and_a_table(tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": [f"{n}.wav" for n in range(40)], "label": list("ab") * 20})
    frame["artist"] = [f"artist {n // 4}" for n in range(40)]
    frame.to_csv(tmp_path / "tracks.csv", index=False)
    found = describe_source(tmp_path)
    assert (found.kind, dict(found.labels), found.group, found.files) == ("folder", {"a": 20, "b": 20}, "artist", 40)
    table = describe_source(tmp_path / "tracks.csv")
    assert (table.kind, table.columns) == ("table", ("path", "label", "artist"))


@pytest.mark.parametrize(
    ("artists", "expected"),
    [
        (range(40), None),
        ([0, 1] * 20, None),
        ([n // 2 for n in range(40)], "artist"),
        ([None] * 20 + [*range(10)] * 2, None),
    ],
)
def test_a_group_has_repeats_and_enough_values(artists: list[int], expected: str | None) -> None:
    assert likely_group(pd.DataFrame({"artist": artists}), folds=4) == expected


def test_the_strongest_group_wins() -> None:
    values = [n // 2 for n in range(40)]
    assert likely_group(pd.DataFrame({"work": values, "composer": values}), folds=4) == "composer"


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        describe_source(tmp_path / "nowhere")
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(SourceError, match="it is one file"):
        describe_source(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1] * 30, "binary"),
        (["yes", "no", None] * 20, "binary"),
        (list("abc") * 20, "multiclass"),
        ([1, 2, 3] * 20, "multiclass"),
        ([n * 1.5 for n in range(60)], "regression"),
        ([f"name {n}" for n in range(60)], "multiclass"),
    ],
)
def test_a_target_tells_the_kind_of_problem(tmp_path: Path, values: list[object], kind: str) -> None:
    pd.DataFrame({"x": range(60), "y": values}).to_csv(tmp_path / "t.csv", index=False)
    found = describe_source(tmp_path / "t.csv", target="y").target
    assert found is not None
    assert (found.column, found.kind) == ("y", kind)


def test_a_target_that_is_not_there_or_says_nothing(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(6), "y": [1] * 6}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UsageError, match="no column 'z' to predict; columns: x, y"):
        describe_source(tmp_path / "t.csv", target="z")
    with pytest.raises(SourceError, match="column 'y' has 1 values"):
        describe_source(tmp_path / "t.csv", target="y")
    with pytest.raises(UsageError, match="no column `label`; say which one to predict: --target COLUMN"):
        describe_source(tmp_path / "t.csv")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a/1.wav", "b/1.wav"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match="a folder of audio has no column 'tempo'"):
        describe_source(tmp_path, target="tempo")

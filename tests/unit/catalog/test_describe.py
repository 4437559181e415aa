"""Descriptions: cheap, and right about kind, labels and group."""

from pathlib import Path

import pandas as pd
import pytest

from ostinato.catalog.describe import describe_source, likely_group
from ostinato.core.errors import SourceError


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

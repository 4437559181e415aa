"""Sources: folders, tracks.csv and tables become the raw tables, and what cannot be learnt from is refused in one message."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from ostinato.catalog.source import FIRST_COLUMNS, read_folder, read_table
from ostinato.core.errors import SourceError, UsageError


def clip(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 4_000), 8_000)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number, name in enumerate(("rock/a.wav", "rock/b.wav", "jazz/c.wav", "jazz/d.wav")):
        clip(tmp_path / name, number)
    return tmp_path


def test_a_folder_gives_every_column(music: Path) -> None:
    catalogue = read_folder(music)
    tracks = catalogue.tracks
    assert tuple(tracks.columns) == FIRST_COLUMNS
    assert list(tracks["track_id"]) == ["jazz/c.wav", "jazz/d.wav", "rock/a.wav", "rock/b.wav"]
    assert list(tracks["label"]) == ["jazz", "jazz", "rock", "rock"]
    assert tracks["readable"].dtype == bool
    assert tracks["problem"].isna().all()
    assert str(tracks["duration"].dtype) == "float64"
    assert all(str(tracks[name].dtype) == "int64" for name in ("bytes", "sample_rate", "channels"))
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in tracks["path"])
    assert catalogue.events.empty
    assert str(catalogue.events["at"].dtype) == "datetime64[us, UTC]"
    assert catalogue.notes == ()


def test_notes_name_what_a_person_should_know(music: Path) -> None:
    clip(music / "jazz/copy.wav", 2)
    clip(music / "pop/only.wav", 9)
    clip(music / "loose.wav", 8)
    (music / "rock/empty.wav").write_bytes(b"")
    catalogue = read_folder(music)
    said = "\n".join(catalogue.notes)
    assert "rock/empty.wav (empty file)" in said
    assert "1 tracks have no label" in said
    assert "1 labels have fewer than 2 readable tracks" in said
    assert "pop" in said
    assert "1 files hold the same bytes" in said
    assert len(catalogue.tracks) == 8


def test_one_label_is_refused(tmp_path: Path) -> None:
    clip(tmp_path / "rock/a.wav")
    with pytest.raises(SourceError, match=r"only one label, 'rock'.* at least 2 labels"):
        read_folder(tmp_path)


def test_files_without_folders_are_refused(tmp_path: Path) -> None:
    clip(tmp_path / "a.wav")
    with pytest.raises(SourceError, match="no label"):
        read_folder(tmp_path)


def test_tracks_csv_names_the_files(music: Path) -> None:
    write(
        music / "tracks.csv",
        "path,label,year,artist\nrock/a.wav,007,1970,NA\njazz/c.wav,None,1960,Käthe\njazz/d.wav,,x,B\n",
    )
    tracks = read_folder(music).tracks
    assert list(tracks["track_id"]) == ["jazz/c.wav", "jazz/d.wav", "rock/a.wav"]
    assert list(tracks["label"])[::2] == ["None", "007"]
    assert tracks["label"].isna().tolist() == [False, True, False]
    assert list(tracks.columns[-2:]) == ["year", "artist"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("path;label\nrock/a.wav;x\njazz/c.wav;y\n", "utf-8"),
        ("path\tlabel\nrock/a.wav\tx\njazz/c.wav\ty\n", "utf-8"),
        ("path,label\r\nrock/a.wav,x\r\njazz/c.wav,y\r\n", "utf-8-sig"),
        ("path,label\nrock\\a.wav,x\njazz\\c.wav,y\n", "utf-8"),
    ],
)
def test_csv_as_people_save_it(music: Path, text: str, encoding: str) -> None:
    write(music / "tracks.csv", text, encoding)
    tracks = read_folder(music).tracks
    assert tracks["readable"].tolist() == [True, True]
    assert sorted(tracks["label"]) == ["x", "y"]


def test_rows_without_a_file_are_kept_and_named(music: Path) -> None:
    write(music / "tracks.csv", "path,label\nrock/a.wav,x\njazz/c.wav,y\nrock/gone.wav,x\n,y\n")
    tracks = read_folder(music).tracks.set_index("track_id")
    assert tracks.loc["rock/gone.wav", "problem"] == "there is no such file"
    assert tracks.loc["row-4", "problem"] == "the row names no file"
    assert tracks["readable"].sum() == 2


@pytest.mark.parametrize("escape", ["../secret.wav", "/etc/passwd", "rock/../../x.wav", "."])
def test_paths_that_lead_out_are_refused(music: Path, escape: str) -> None:
    write(music / "tracks.csv", f"path,label\nrock/a.wav,x\n{escape},y\n")
    with pytest.raises(SourceError, match=r"row 2: .*") as caught:
        read_folder(music)
    assert "lead out of" in str(caught.value)
    assert escape in str(caught.value)


def test_paths_that_turn_back_inside_are_fine(music: Path) -> None:
    write(music / "tracks.csv", f"path,label\nrock/../rock/a.wav,x\n{music}/jazz/c.wav,y\n")
    assert sorted(read_folder(music).tracks["track_id"]) == ["jazz/c.wav", "rock/a.wav"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"file,label\na.wav,x\n", "no column `path`"),
        (b"path,label\n", "a header and no rows"),
        (b"", "not readable as a table"),
        (b"path,label\nrock/a.wav,caf\xe9\n", "not UTF-8"),
        (b"path,label,label\nrock/a.wav,x,y\n", "more than one column is named label"),
        (b"path,label\nrock/a.wav,x\nrock/b.wav,x,y,z\n", "not readable as a table"),
        (b"path,label\nrock/a.wav,x\nrock/b.wav,x\n", "only one label"),
    ],
)
def test_bad_csv_is_refused(music: Path, content: bytes, said: str) -> None:
    (music / "tracks.csv").write_bytes(content)
    with pytest.raises(SourceError, match=said) as caught:
        read_folder(music)
    assert str(music) in str(caught.value)


def test_events_beside_the_tracks(music: Path) -> None:
    write(music / "tracks.csv", "path,label\nrock/a.wav,x\njazz/c.wav,y\n")
    write(
        music / "events.csv",
        "user_id,track_id,at,kind,seconds\n2,rock/a.wav,2025-03-01T10:00:00+02:00,play,3.5\n1,jazz/c.wav,yesterday,skip,some\n",
    )
    events = read_folder(music).events
    assert str(events["at"].dtype) == "datetime64[us, UTC]"
    assert events["at"].iloc[0] == pd.Timestamp("2025-03-01T08:00:00Z")
    assert events["user_id"].tolist() == ["2", "1"]
    assert events["at"].isna().tolist() == events["seconds"].isna().tolist() == [False, True]
    write(music / "events.csv", "user_id,track_id\n1,a\n")
    with pytest.raises(SourceError, match="columns at, kind, seconds are missing"):
        read_folder(music)


def test_a_table_without_audio(tmp_path: Path) -> None:
    table = write(tmp_path / "songs.csv", "song,label,tempo,duration\nb,x,120,200\na,y,90,210\n")
    tracks = read_table(table, key="song").tracks
    assert tracks["track_id"].tolist() == ["a", "b"]
    assert tracks["readable"].all()
    assert tracks["path"].isna().all()
    assert tracks["source_duration"].tolist() == [210, 200]
    assert tracks["sha256"].nunique() == 2
    assert read_table(table, key=None).tracks["track_id"].tolist() == ["row-1", "row-2"]
    with pytest.raises(UsageError, match="no column 'nope'"):
        read_table(table, key="nope")


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame({"track_id": ["b", "a"], "label": ["x", "y"], "tempo": [120.0, 90.0]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "t.csv", None).tracks, read_table(tmp_path / "t.parquet", None).tracks
    )
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(SourceError, match="not readable as a table"):
        read_table(tmp_path / "t.parquet", None)


def test_keys(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", "track_id,label\na,x\na,y\nb,x\n")
    catalogue = read_table(table, None)
    assert catalogue.tracks["track_id"].tolist() == ["a", "a", "b"]
    assert any("1 keys are used more than once: a" in note for note in catalogue.notes)
    write(table, "track_id,label\na,x\n,y\n")
    with pytest.raises(SourceError, match=r"1 rows have no track_id[\s\S]*row 2"):
        read_table(table, None)

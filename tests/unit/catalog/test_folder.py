"""Folders: labels from the first folder, names in any script, links, hidden files, and clear refusals."""

import os
import unicodedata
from pathlib import Path

import pytest

from ostinato.catalog.folder import list_audio
from ostinato.core.errors import SourceError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_label_is_the_first_folder(tmp_path: Path) -> None:
    touch(tmp_path, "jazz/a.wav", "jazz/album/b.MP3", "rock/c.flac", "loose.ogg", "rock/cover.jpg")
    listing = list_audio(tmp_path)
    assert [(f.track_id, f.label) for f in listing.files] == [
        ("jazz/a.wav", "jazz"),
        ("jazz/album/b.MP3", "jazz"),
        ("loose.ogg", None),
        ("rock/c.flac", "rock"),
    ]
    assert listing.ignored == 1
    assert listing.labels() == {"jazz": 2, "rock": 1}


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.wav", "a/.DS_Store", "a/._x.wav", ".git/y.wav", "b/.trash/z.wav")
    assert [f.track_id for f in list_audio(tmp_path).files] == ["a/x.wav"]


def test_names_in_any_script_and_form(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    touch(tmp_path, f"{composed}/1.wav", f"{decomposed}/2.wav", "民謡/さくら 🌸.wav", "روك/أغنية.wav")
    listing = list_audio(tmp_path)
    assert listing.labels() == {composed: 2, "民謡": 1, "روك": 1}
    assert all(unicodedata.is_normalized("NFC", f.track_id) for f in listing.files)
    assert all(f.path.is_file() for f in listing.files)


def test_one_name_in_two_forms_stays_two_tracks(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a/{unicodedata.normalize(form, 'é')}.wav" for form in ("NFC", "NFD")))
    files = list_audio(tmp_path).files
    assert len({f.track_id for f in files}) == len({f.path for f in files}) == 2


def test_name_that_is_not_utf8(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/\xff.wav", "wb") as file:  # noqa: PTH123 - bytes that Path would not take
        file.write(b"x")
    assert [f.track_id for f in list_audio(tmp_path).files] == ["a/\ufffd.wav"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.wav", "b/y.wav")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b" / "self").symlink_to("self")
    (tmp_path / "aa").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "gone.wav").symlink_to("nowhere.wav")
    assert [f.track_id for f in list_audio(tmp_path).files] == ["a/x.wav", "b/gone.wav", "b/y.wav"]


def test_order_does_not_depend_on_the_disk(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{label}/{name}.wav" for label in "cab" for name in "zyx"))
    names = [f.track_id for f in list_audio(tmp_path).files]
    assert names == sorted(names)


def test_refusals_say_what_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such folder"):
        list_audio(tmp_path / "nowhere")
    (tmp_path / "file.wav").write_bytes(b"x")
    with pytest.raises(SourceError, match="a file, not a folder"):
        list_audio(tmp_path / "file.wav")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match="no audio file in it"):
        list_audio(empty)
    touch(empty, "a/readme.txt")
    with pytest.raises(SourceError, match="1 other files"):
        list_audio(empty)


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    touch(tmp_path, "a/x.wav", "b/y.wav")
    (tmp_path / "b").chmod(0)
    try:
        listing = list_audio(tmp_path)
    finally:
        (tmp_path / "b").chmod(0o755)
    assert [f.track_id for f in listing.files] == ["a/x.wav"]
    assert "Permission denied" in listing.faults[0]

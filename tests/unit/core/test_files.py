from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ostinato.core.files import read_json, read_table, replacing, replacing_folder, write_json, write_table
from ostinato.core.hashing import sha256_of_file, sha256_of_folder


def test_a_reader_never_sees_half_a_file(tmp_path: Path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("{")
        raise RuntimeError
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "out"
    for content in ("one", "two"):
        with replacing_folder(path) as part:
            (part / "f").write_text(content)
    with pytest.raises(RuntimeError), replacing_folder(path) as part:
        raise RuntimeError
    assert (path / "f").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_no_other_reader_knows_nan(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": float("nan")})


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_equal_tables_are_equal_bytes(tmp_path: Path, name: str, rng: np.random.Generator):
    frame = pd.DataFrame({"k": ["ä", "b"], "v": rng.normal(size=2)})
    write_table(tmp_path / name, frame)
    first = sha256_of_file(tmp_path / name)
    write_table(tmp_path / name, frame.copy())
    assert sha256_of_file(tmp_path / name) == first
    pd.testing.assert_frame_equal(read_table(tmp_path / name), frame)


def test_a_folder_digest_sees_names_and_bytes(tmp_path: Path):
    (tmp_path / "a").write_text("1")
    before = sha256_of_folder(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = sha256_of_folder(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, sha256_of_folder(tmp_path)}) == 3

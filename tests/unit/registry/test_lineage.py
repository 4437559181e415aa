import time
from pathlib import Path

import pytest

from ostinato.core.errors import RegistryError
from ostinato.registry.lineage import Prediction, new_id, remember_files, remember_model, remember_predictions, trace


def test_a_prediction_leads_back_to_the_raw_files(tmp_path: Path):
    path = tmp_path / "lineage.db"
    remember_files(path, "data-1", [("a", "a.flac", "11"), ("b", "b.flac", "22")])
    remember_files(path, "data-2", [("c", "c.flac", "33")])
    lock = {"prepare": {"data/clean/tracks.parquet": "9f"}}
    remember_model(
        path, digest="d1", name="demo.genre", version="1.0.0", run_id="r1", commit="abc", lock=lock, data="data-1"
    )
    known, new = new_id(), new_id()
    remember_predictions(
        path,
        [Prediction(known, "d1", "/x/a.flac", "11", "jig", 0.9), Prediction(new, "d1", "/x/n.flac", "77", "reel", 0.4)],
    )
    found = trace(path, known)
    assert found is not None
    assert found["model"]["version"] == "1.0.0"
    assert found["run"] == {"run_id": "r1", "commit": "abc"}
    assert found["lock"] == lock
    assert [file["path"] for file in found["files"]] == ["a.flac", "b.flac"]
    assert found["prediction"]["input_was_in_the_catalogue"]
    other = trace(path, new)
    assert other is not None
    assert not other["prediction"]["input_was_in_the_catalogue"]


def test_what_is_not_known_is_said(tmp_path: Path):
    path = tmp_path / "lineage.db"
    assert trace(path, "p-none") is None
    remember_predictions(path, [Prediction("p-1", "gone", "x", "1", "jig", 0.5)])
    assert trace(path, "p-none") is None
    with pytest.raises(RegistryError, match="not in this workspace's lineage"):
        trace(path, "p-1")


def test_ten_thousand_runs_answer_alike(tmp_path: Path):
    path = tmp_path / "lineage.db"
    remember_files(path, "data", [(str(i), f"{i}.flac", f"{i:064d}") for i in range(300)])
    for i in range(3):
        remember_model(
            path, digest=f"d{i}", name="m", version=f"1.0.{i}", run_id=f"r{i}", commit="c", lock={}, data="data"
        )
    remember_predictions(path, (Prediction(f"p-{i}", f"d{i % 3}", "x", "1", "jig", 0.5) for i in range(10_000)))
    started = time.perf_counter()
    found = trace(path, "p-9999")
    assert found is not None
    assert found["model"]["version"] == "1.0.0"
    assert len(found["files"]) == 300
    assert time.perf_counter() - started < 5  # the bound of 50 ms is measured in benchmarks, not here

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from ostinato.core.errors import QualityError
from ostinato.core.files import read_table, write_table
from ostinato.core.hashing import sha256_of_file
from ostinato.core.params import ExtractParams
from ostinato.core.settings import settings
from ostinato.steps.extract import ExtractReport, extract

PARAMS = ExtractParams(preset="line", sr=22_050, n_fft=2_048, hop_length=512, seconds=30, max_failed=0.1)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OSTINATO_JOBS", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


SUITE = Path(__file__).parents[3] / "configs" / "quality" / "features.yaml"


class House:
    """A workspace's corner that `extract` sees."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.features, self.failures = root / "features" / "audio.parquet", root / "features" / "failures.csv"
        self.rows: list[dict] = []

    def add(self, count: int) -> None:
        for _ in range(count):
            k = len(self.rows)
            path = self.root / f"clip {k:03d}.wav"
            rng = np.random.default_rng(k)
            soundfile.write(path, 0.3 * np.sin(np.arange(11_025) * (0.02 + 0.3 * rng.random())), 22_050)
            self.rows.append({"track_id": f"t{k:03d}", "path": str(path), "sha256": sha256_of_file(path), "label": "x"})

    def run(self, params: ExtractParams = PARAMS, cache: str = "cache") -> ExtractReport:
        clean = self.root / "tracks.parquet"
        write_table(clean, pd.DataFrame(self.rows, columns=["track_id", "path", "sha256", "label"]))
        return extract(
            params, clean=clean, suite=SUITE, features=self.features, failures=self.failures, cache=self.root / cache
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_new_tracks_cost_their_own_extraction(house: House) -> None:
    house.add(40)
    first = house.run()
    assert (first.clips, first.extracted, first.cached, first.failed) == (40, 40, 0, 0)
    house.add(30)
    second = house.run()
    assert (second.clips, second.extracted, second.cached) == (70, 30, 40)
    table = read_table(house.features)
    assert list(table["track_id"]) == [f"t{k:03d}" for k in range(70)]
    assert second.features == table.shape[1] - 1
    assert set(table.dtypes.iloc[1:]) == {np.dtype("float32")}
    assert read_table(house.failures).empty


def test_bytes_are_the_same_from_clips_and_from_the_cache(house: House) -> None:
    house.add(8)
    bad = house.root / "bad.wav"
    bad.write_bytes(b"nothing")
    house.rows.append({"track_id": "a", "path": str(bad), "sha256": sha256_of_file(bad), "label": "x"})
    some = PARAMS.model_copy(update={"max_failed": 0.5})
    house.run(some)
    fresh = house.features.read_bytes(), house.failures.read_bytes()
    assert house.run(some).cached == 8
    assert (house.features.read_bytes(), house.failures.read_bytes()) == fresh
    assert house.run(some, cache="other").extracted == 8
    assert (house.features.read_bytes(), house.failures.read_bytes()) == fresh


def test_other_parameters_are_other_vectors(house: House) -> None:
    house.add(3)
    house.run()
    assert house.run(PARAMS.model_copy(update={"hop_length": 256})).extracted == 3
    assert house.run(PARAMS.model_copy(update={"preset": "fast"})).extracted == 3
    assert house.run().cached == 3


def test_failures_are_named_and_left_out(house: House) -> None:
    house.add(20)
    soundfile.write(house.rows[3]["path"], np.zeros(11_025), 22_050)
    Path(house.rows[7]["path"]).unlink()
    report = house.run()
    assert (report.extracted, report.failed) == (18, 2)
    failures = read_table(house.failures)
    assert list(failures["track_id"]) == ["t003", "t007"]
    assert list(failures.columns) == ["track_id", "path", "reason"]
    assert all(reason.startswith("changed since ingest") for reason in failures["reason"])
    assert not {"t003", "t007"} & set(read_table(house.features)["track_id"])


def test_too_many_failures_stop_the_run_and_keep_what_worked(house: House) -> None:
    house.add(10)
    for row in house.rows[:2]:
        Path(row["path"]).unlink()
    with pytest.raises(QualityError, match=r"2 of 10 clips gave no features, more than the 10%(.|\n)*clip 000.wav"):
        house.run()
    assert not house.features.exists()
    house.rows = house.rows[2:]
    assert house.run().cached == 8


def test_two_tracks_of_one_file_share_a_vector(house: House) -> None:
    house.add(2)
    house.rows.append(house.rows[0] | {"track_id": "twin"})
    report = house.run()
    assert report.extracted == 2
    table = read_table(house.features).set_index("track_id")
    np.testing.assert_array_equal(table.loc["twin"], table.loc["t000"])


def test_tracks_without_audio(house: House) -> None:
    house.rows = [{"track_id": "a", "path": None, "sha256": "", "label": "x"}]
    assert house.run() == ExtractReport(0, 0, 0, 0, 0)
    assert list(read_table(house.features).columns) == ["track_id"]
    assert read_table(house.features).empty
    house.add(1)
    assert house.run().clips == 1
    assert list(read_table(house.features)["track_id"]) == ["t001"]


def test_vectors_that_fail_the_suite_stop_the_run_and_lie_there_to_be_looked_at(house, tmp_path, monkeypatch):
    house.add(4)
    strict = tmp_path / "features.yaml"
    words = SUITE.read_text(encoding="utf-8").replace("max_value: 1.0e+12", "max_value: 1.0e-12")
    strict.write_text(words.replace("severity: warning", "severity: critical"), encoding="utf-8")
    monkeypatch.setattr(f"{__name__}.SUITE", strict)
    with pytest.raises(QualityError, match="a feature of the track is larger than"):
        house.run()
    assert len(pd.read_parquet(house.features)) == 4

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import soundfile

from ostinato.audio import pool
from ostinato.audio.extractor import CHANGED, AudioFeatureExtractor
from ostinato.audio.presets import Hearing
from ostinato.core.errors import AudioError, UsageError
from ostinato.core.hashing import sha256_of_file

from .conftest import SR, melody


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    found = []
    for child in process.children(recursive=True):
        try:
            if "ostinato.audio.worker" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_rows_in_the_given_order_and_failures_beside(clips: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    short = tmp_path / "short.wav"
    soundfile.write(short, melody(0.05), SR)
    extractor = AudioFeatureExtractor("line", n_jobs=1)
    given = [clips[3], bad, clips[1], clips[3], short, tmp_path / "missing.wav"]
    table = extractor.transform(given)
    assert list(table.index) == [str(clips[3]), str(clips[1]), str(clips[3])]
    assert list(table.columns) == extractor.get_feature_names_out()
    assert set(table.dtypes) == {np.dtype("float32")}
    assert list(extractor.failures_) == [str(bad), str(short), str(tmp_path / "missing.wav")]
    assert extractor.failures_[str(short)] == "too short: 0.050 s, where at least 0.093 s are needed"
    assert extractor.extracted_ == 2


def test_nothing_to_hear() -> None:
    table = AudioFeatureExtractor("line").transform([])
    assert table.shape == (0, len(AudioFeatureExtractor("line").get_feature_names_out()))


@pytest.mark.parametrize("preset", ["line", "fast"])
def test_bits_do_not_depend_on_processes_or_order(clips: list[Path], preset: str) -> None:
    alone = AudioFeatureExtractor(preset, n_jobs=1).transform(clips)
    side_by_side = AudioFeatureExtractor(preset, n_jobs=3).transform(clips[::-1])
    pd.testing.assert_frame_equal(alone, side_by_side.loc[alone.index], check_exact=True)
    single = AudioFeatureExtractor(preset).transform(clips[4:5])
    np.testing.assert_array_equal(single.to_numpy()[0], alone.to_numpy()[4])


def test_waveform_equals_file(clips: list[Path]) -> None:
    extractor = AudioFeatureExtractor("line")
    y, rate = soundfile.read(clips[0], dtype="float32")
    np.testing.assert_array_equal(extractor.transform_waveform(y, rate), extractor.transform(clips[:1]).to_numpy()[0])
    with pytest.raises(AudioError, match="waveform: too short"):
        extractor.transform_waveform(y[:100], rate)


def test_seconds_takes_the_middle(tmp_path: Path) -> None:
    y = np.concatenate([np.zeros(SR), melody(2.0), np.zeros(SR)]).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", y, SR, subtype="FLOAT")
    middle = AudioFeatureExtractor("line", seconds=2).transform([tmp_path / "a.wav"]).to_numpy()[0]
    np.testing.assert_array_equal(middle, AudioFeatureExtractor("line").transform_waveform(y[SR : 3 * SR], SR))


def test_is_a_transformer(clips: list[Path]) -> None:
    from sklearn.base import clone
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    extractor = AudioFeatureExtractor("fast", n_fft=1_024, n_jobs=1)
    twin = clone(extractor)
    assert twin is not extractor
    assert twin.get_params() == extractor.get_params()
    assert twin.set_params(n_fft=512).n_fft == 512
    with pytest.raises(UsageError, match="no parameter 'window'"):
        twin.set_params(window="hann")
    scaled = make_pipeline(extractor, StandardScaler()).fit_transform(clips)
    assert scaled.shape == (10, 231)


@pytest.mark.parametrize(
    "wrong", [{"preset": "best"}, {"sr": 0}, {"n_fft": 2}, {"hop_length": 0}, {"sr": 8_000}, {"hop_length": 500}]
)
def test_wrong_parameters_are_named(wrong: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        AudioFeatureExtractor(**wrong).fit()


def test_changed_and_vanished_files_are_failures(clips: list[Path]) -> None:
    digests = {str(path): sha256_of_file(path) for path in clips}
    soundfile.write(clips[2], melody(1.5, seed=99), SR)
    clips[5].unlink()
    extractor = AudioFeatureExtractor("line", n_jobs=1)
    table = extractor.transform(clips, digests=digests)
    assert len(table) == 8
    assert extractor.failures_[str(clips[2])] == CHANGED
    assert extractor.failures_[str(clips[5])].startswith(CHANGED)


def test_a_killed_worker_loses_nothing(clips: list[Path]) -> None:
    extractor = AudioFeatureExtractor("line", n_jobs=2)
    expected = AudioFeatureExtractor("line", n_jobs=1).transform(clips)
    result: list[pd.DataFrame] = []
    thread = threading.Thread(target=lambda: result.append(extractor.transform(clips * 1)))
    thread.start()
    me = psutil.Process()
    wait_for(lambda: workers_of(me))
    workers_of(me)[0].kill()
    thread.join(60)
    assert not extractor.failures_
    pd.testing.assert_frame_equal(result[0], expected, check_exact=True)
    assert not workers_of(me)


def test_a_file_that_always_kills_its_worker_is_a_failure(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    killed = set()
    real_ask = pool.Worker.ask

    def ask(self: pool.Worker, path: str):
        if path == str(clips[4]):
            process = self._started()
            killed.add(process.pid)
            process.kill()
        return real_ask(self, path)

    monkeypatch.setattr(pool.Worker, "ask", ask)
    extractor = AudioFeatureExtractor("line", n_jobs=2)
    assert len(extractor.transform(clips)) == 9
    assert "the worker process died over it (signal 9" in extractor.failures_[str(clips[4])]
    assert len(killed) == 2


def test_a_file_that_hangs_is_given_up(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_SECONDS_A_FILE", 0.5)
    worker = pool.Worker(Hearing())
    process = worker._started()
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(AudioError, match="no answer within"):
        worker.ask(str(clips[0]))
    worker.stop()
    assert process.poll() is not None


def test_a_worker_that_cannot_start_is_no_file_s_failure(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(
        pool, "environment", lambda: {"PYTHONPATH": "", "PYTHONNOUSERSITE": "1", "PYTHONHOME": "/nowhere"}
    )
    with pytest.raises(RuntimeError, match="did not start"):
        AudioFeatureExtractor("line", n_jobs=2).transform(clips)


SCRIPT = """
import sys
from ostinato import AudioFeatureExtractor
AudioFeatureExtractor("line", n_jobs=2).transform(sys.argv[1:] * 1)
print("done")
"""


def long_run(clips: list[Path], tmp_path: Path) -> subprocess.Popen:
    paths = []
    for k in range(300):
        paths.append(tmp_path / f"{k}.wav")
        os.link(clips[k % 10], paths[-1])
    script = tmp_path / "mine.py"
    heeding = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
    script.write_text(heeding + SCRIPT)  # no `if __name__ == "__main__"`, as people write them
    return subprocess.Popen([sys.executable, script, *paths], stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(clips: list[Path], tmp_path: Path, how: signal.Signals) -> None:
    process = long_run(clips, tmp_path)
    parent = psutil.Process(process.pid)
    wait_for(lambda: len(workers_of(parent)) == 2)
    workers = workers_of(parent)
    time.sleep(1.0)
    began = time.monotonic()
    process.send_signal(how)
    process.wait(10)
    wait_for(lambda: not any(w.is_running() and w.status() != psutil.STATUS_ZOMBIE for w in workers), 5)
    assert time.monotonic() - began < 5
    assert process.returncode != 0


def test_no_librosa_for_any_preset(clips: list[Path]) -> None:
    code = f"""
import sys
from ostinato import AudioFeatureExtractor
for preset in ("line", "full"):
    AudioFeatureExtractor(preset).transform([{str(clips[0])!r}])
print([name for name in ("librosa", "numba", "sklearn", "torch", "scipy.signal") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert not done.stderr


MUSIC = Path(__file__).parents[3] / ".." / "shared" / "data" / "audio"


@pytest.mark.skipif(not MUSIC.is_dir(), reason="needs the recorded music in ../shared/data")
def test_recorded_music_and_noises() -> None:
    paths = sorted(path for path in MUSIC.glob("*/*/*") if path.suffix in {".ogg", ".mp3", ".wav", ".flac"})[::12]
    extractor = AudioFeatureExtractor("line", seconds=30)
    table = extractor.transform(paths)
    assert not extractor.failures_
    assert np.isfinite(table.to_numpy()).all()

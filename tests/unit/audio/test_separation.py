"""Stems that sum to the recording, and that sound like what was mixed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from benchmarks._mixtures import INSTRUMENTS, mixed, render_drums
from ostinato.audio.separation import SourceSeparator, masks, nmf, repet, si_sdr
from ostinato.audio.separation.segments import in_segments
from ostinato.audio.separation.transform import istft, magnitudes, stft
from ostinato.catalog.demo.recipe import recipe
from ostinato.catalog.demo.render import render_clip
from ostinato.catalog.demo.scores import corpus_root, read_score
from ostinato.catalog.demo.works import works
from ostinato.core.errors import AudioError, UsageError

from .conftest import SR, melody

INSIDE = ("hpss", "repet-sim", "nmf")


def strokes(seconds: float, sr: int = SR, seed: int = 4) -> np.ndarray:
    """Noise that dies away, four times a second."""
    rng = np.random.default_rng(seed)
    y = np.zeros(round(seconds * sr))
    sound = rng.normal(0, 0.4, sr // 8) * np.exp(-np.arange(sr // 8) / (0.02 * sr))
    for start in range(sr // 10, len(y) - len(sound), sr // 4):
        y[start : start + len(sound)] += sound
    return y.astype(np.float32)


@pytest.fixture(scope="module")
def parts() -> tuple[np.ndarray, np.ndarray]:
    return melody(4.0), strokes(4.0)


# --- score ---


def test_si_sdr_ignores_scale_and_knows_the_textbook_case(rng: np.random.Generator) -> None:
    s, n = rng.normal(size=(2, 20_000))
    n -= s * np.vdot(n, s) / np.vdot(s, s)
    n *= np.linalg.norm(s) / np.linalg.norm(n) / 10  # 20 dB below
    for scale in (1.0, 1e-6, -3.0):
        assert si_sdr(s, scale * (s + n)) == pytest.approx(20.0)
    assert si_sdr(s, s) > 200
    assert si_sdr(s, np.zeros_like(s)) == -np.inf
    assert si_sdr(s.reshape(2, -1), (s + n).reshape(2, -1)) == pytest.approx(20.0)


def test_si_sdr_refuses_silence_and_other_shapes() -> None:
    with pytest.raises(UsageError, match="silent"):
        si_sdr(np.zeros(5), np.ones(5))
    with pytest.raises(UsageError, match="shape"):
        si_sdr(np.ones(5), np.ones(6))


# --- the transform ---


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (882, 441), (512, 128)])
@pytest.mark.parametrize("n", [1, 500, 4096, 10_001])
def test_the_inverse_transform_gives_the_signal_back(
    rng: np.random.Generator, n_fft: int, hop_length: int, n: int
) -> None:
    y = rng.normal(size=(2, n)).astype(np.float32)
    # samples beyond the last window's middle are seen by few windows
    heard = y[:, : max(1, n // hop_length * hop_length)]
    np.testing.assert_allclose(
        istft(stft(y, n_fft, hop_length), n_fft, hop_length, n)[:, : heard.shape[1]], heard, atol=1e-4
    )


def test_the_transform_is_librosa_s() -> None:
    y = melody(1.0)
    np.testing.assert_allclose(stft(y[None], 2048, 512)[0].T, librosa.stft(y), atol=1e-4)
    np.testing.assert_allclose(magnitudes(np.stack([y, y]), 2048, 512).T, np.abs(librosa.stft(y)), atol=1e-4)


# --- all inside methods ---


@pytest.mark.parametrize("method", INSIDE)
def test_stems_sum_to_the_recording(method: str, parts: tuple[np.ndarray, np.ndarray]) -> None:
    y = parts[0] + parts[1]
    found = SourceSeparator(method, iterations=20).separate_waveform(y, SR)  # type: ignore[arg-type]
    assert tuple(found.stems) == SourceSeparator(method).stems  # type: ignore[arg-type]
    for stem in found.stems.values():
        assert stem.shape == y.shape
        assert stem.dtype == np.float32
        assert 0.01 < np.linalg.norm(stem) / np.linalg.norm(y) < 1
    np.testing.assert_allclose(sum(found.stems.values()), y, atol=1e-5)


@pytest.mark.parametrize("method", INSIDE)
def test_a_stem_is_the_same_on_two_runs(method: str, parts: tuple[np.ndarray, np.ndarray]) -> None:
    y = (parts[0] + parts[1])[: 2 * SR]
    first, second = (SourceSeparator(method, iterations=5).separate_waveform(y, SR) for _ in range(2))  # type: ignore[arg-type]
    for name in first.stems:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("method", INSIDE)
@pytest.mark.parametrize("n", [1, 700, 5_000])
def test_short_and_silent_signals(method: str, n: int) -> None:
    for y in (np.zeros(n, np.float32), melody(1.0)[:n]):
        found = SourceSeparator(method, iterations=3).separate_waveform(y, SR)  # type: ignore[arg-type]
        np.testing.assert_allclose(sum(found.stems.values()), y, atol=1e-5)


@pytest.mark.parametrize("method", ["hpss", "nmf"])
@pytest.mark.parametrize("sr", [SR, 16_000, 44_100, 48_000])
def test_harmonic_and_percussive(method: str, sr: int) -> None:
    tune, drums = melody(3.0, sr=sr), strokes(3.0, sr=sr)
    found = SourceSeparator(method, iterations=40).separate_waveform(tune + drums, sr)  # type: ignore[arg-type]
    floor = {"hpss": 11.0, "nmf": 6.0}[method]  # the mixture itself scores about 0
    assert si_sdr(tune, found["harmonic"]) > floor
    assert si_sdr(drums, found["percussive"]) > floor


def test_hpss_beats_librosa() -> None:
    work = works()["jig"][1]  # of the test set of benchmarks/separation.py
    how, score = recipe(work, 0, 6.0, 7, INSTRUMENTS), read_score(corpus_root() / work.path)
    m = mixed("jig", 0.0, render_clip(score, how).astype(np.float64), render_drums(score, how, 7))
    ours = SourceSeparator().separate_waveform(m.mixture, SR).stems.values()
    truth = (m.harmonic, m.percussive)
    theirs = librosa.effects.hpss(m.mixture)
    gains = [si_sdr(s, mine) - si_sdr(s, other) for mine, other, s in zip(ours, theirs, truth, strict=True)]
    assert np.mean(gains) > 3


@pytest.mark.parametrize("gain", [1e-4, 1.0, 50.0])
def test_hpss_does_not_depend_on_loudness(gain: float, parts: tuple[np.ndarray, np.ndarray]) -> None:
    y = parts[0] + parts[1]
    whole = SourceSeparator().separate_waveform(y, SR)["harmonic"]
    scaled = SourceSeparator().separate_waveform(gain * y, SR)["harmonic"] / gain
    assert si_sdr(whole, scaled) > 60


def test_channels_share_their_masks(parts: tuple[np.ndarray, np.ndarray]) -> None:
    tune, drums = parts
    stereo = np.stack([tune + 0.2 * drums, 0.3 * tune + drums])
    found = SourceSeparator().separate_waveform(stereo, SR)
    assert found["harmonic"].shape == stereo.shape
    assert si_sdr(tune, found["harmonic"][0]) > 10
    assert si_sdr(drums, found["percussive"][1]) > 10


def test_the_network_fits_what_it_is_told(parts: tuple[np.ndarray, np.ndarray]) -> None:
    y, at = parts[0][None], masks.resolution(SR)
    assert at == (2048, 512)
    D = stft(y, *at)
    described = masks.describe(y, D, at)
    n_in = len(described.maps) + len(masks.positions(9)) + described.frames.shape[1]
    assert masks.weights()[0][0].shape[1] == n_in
    mask = masks.harmonic_mask(described)
    assert mask.shape == D.shape[1:]
    assert 0 <= mask.min() <= mask.max() <= 1


# --- REPET-SIM ---


def test_what_repeats_is_told_from_what_does_not() -> None:
    rng = np.random.default_rng(8)
    bar = strokes(1.5) + 0.5 * melody(1.5, seed=2)
    accompaniment = np.tile(bar, 8)
    t = np.arange(len(accompaniment)) / SR
    glide = np.cumsum(400 + 300 * np.sin(2 * np.pi * 0.11 * t) + np.interp(t, np.arange(13), rng.uniform(0, 300, 13)))
    voice = (0.15 * np.sin(2 * np.pi * glide / SR)).astype(np.float32)
    found = SourceSeparator("repet-sim").separate_waveform(accompaniment + voice, SR)
    assert si_sdr(accompaniment, found["repeating"]) > si_sdr(accompaniment, accompaniment + voice) + 5
    assert si_sdr(voice, found["varying"]) > si_sdr(voice, accompaniment + voice) + 5


def test_similar_frames_keep_their_distance(rng: np.random.Generator) -> None:
    S = np.tile(rng.random((10, 30)), (6, 1)).astype(np.float32) + rng.random((60, 30)).astype(np.float32) / 100
    for t, alike in enumerate(repet._similar_frames(S, 4)):
        assert t in alike
        assert np.diff(np.sort(alike)).min() > 4
        assert alike[0] == t
        assert {int(k) % 10 for k in alike[:3]} == {t % 10}  # the most similar ones come first


# --- NMF ---


def test_no_update_raises_the_divergence(rng: np.random.Generator) -> None:
    S = (rng.random((40, 4)) ** 3 @ rng.random((4, 60))).astype(np.float32)
    found = [nmf.divergence(S, nmf.factorise(S, 4, iterations)) for iterations in (1, 5, 20, 80, 300)]
    assert all(later <= earlier for earlier, later in pairwise(found))
    assert found[-1] < found[0] / 50


def test_components_of_their_own() -> None:
    separator = SourceSeparator("nmf", n_components=3, grouped=False, iterations=60)
    t = np.arange(3 * SR) / SR
    notes = [np.sin(2 * np.pi * hz * t) * (np.floor(t * rate) % 2) for hz, rate in ((300, 2), (800, 3), (1900, 5))]
    y = np.sum(notes, axis=0).astype(np.float32)
    found = separator.separate_waveform(y, SR)
    assert list(found.stems) == ["component-01", "component-02", "component-03"]
    for note in notes:
        assert max(si_sdr(note, stem) for stem in found.stems.values()) > 12


# --- long signals ---


@pytest.mark.parametrize("total", [10, 99, 100, 120, 121, 1_000, 1_037])
def test_segments_cover_the_signal_once(rng: np.random.Generator, total: int) -> None:
    y = rng.normal(size=(2, total)).astype(np.float32)
    heard: list[int] = []

    def apart(piece: np.ndarray) -> np.ndarray:
        heard.append(piece.shape[1])
        return np.stack([0.25 * piece, 0.75 * piece])

    pieces = list(in_segments(lambda start, stop: y[:, start:stop], total, apart, segment=100, overlap=10))
    np.testing.assert_allclose(np.concatenate(pieces, axis=-1), apart(y), atol=1e-6)
    assert max(heard[:-1]) <= 120


def test_a_long_file_is_separated_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ostinato.audio.separation import separator as room

    tune, drums = melody(8.0), strokes(8.0)
    soundfile.write(tmp_path / "song.wav", np.stack([tune + drums, tune - drums], axis=1), SR, subtype="FLOAT")
    whole = SourceSeparator().separate(tmp_path / "song.wav")
    monkeypatch.setitem(room._SEGMENTS, "hpss", (2.0, 1.0))
    paths = SourceSeparator().separate_to(tmp_path / "song.wav", tmp_path / "stems")
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == ["harmonic.wav", "percussive.wav"]
    read = {name: soundfile.read(path, dtype="float32")[0].T for name, path in paths.items()}
    np.testing.assert_allclose(sum(read.values()), sum(whole.stems.values()), atol=1e-5)
    for name, y in read.items():
        assert si_sdr(whole[name], y) > 20


# --- files ---


def test_a_file_keeps_its_rate_and_channels(tmp_path: Path) -> None:
    y = np.stack([melody(1.0, sr=32_000), strokes(1.0, sr=32_000)])
    soundfile.write(tmp_path / "song.flac", y.T, 32_000)
    found = SourceSeparator().separate(tmp_path / "song.flac")
    assert found.sr == 32_000
    paths = found.write(tmp_path / "stems")
    for name, path in paths.items():
        written, rate = soundfile.read(path, dtype="float32")
        assert rate == 32_000
        np.testing.assert_array_equal(written.T, found[name])
    np.testing.assert_allclose(sum(found.stems.values()), y, atol=1e-4)


@pytest.mark.parametrize("content", [None, b"", b"no audio at all" * 99])
def test_what_is_no_audio(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "song.wav"
    if content is not None:
        path.write_bytes(content)
    for call in (SourceSeparator().separate, lambda p: SourceSeparator().separate_to(p, tmp_path / "stems")):
        with pytest.raises(AudioError, match=r"song\.wav"):
            call(path)
    assert not (tmp_path / "stems").exists()


def test_a_torn_file_leaves_no_stems(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.flac", melody(3.0), SR)
    whole = (tmp_path / "song.flac").read_bytes()
    (tmp_path / "song.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match=r"song\.flac"):
        SourceSeparator().separate_to(tmp_path / "song.flac", tmp_path / "stems")
    assert not list((tmp_path / "stems").glob("*"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="folder"):
        SourceSeparator().separate(tmp_path)


def test_mp3_from_a_recording(shared: Path) -> None:
    path = sorted((shared / "audio" / "instruments").rglob("*.mp3"))[0]
    found = SourceSeparator().separate(path)
    assert np.linalg.norm(found["harmonic"]) > np.linalg.norm(found["percussive"])


# --- arguments ---


def test_refused() -> None:
    with pytest.raises(UsageError, match="hpss, repet-sim, nmf, demucs, spleeter"):
        SourceSeparator("wiener")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="components"):
        SourceSeparator("nmf", n_components=1)
    with pytest.raises(UsageError, match="8000"):
        SourceSeparator().separate_waveform(melody(1.0), 4_000)
    for y in (np.zeros(0), np.zeros((2, 2, 2)), np.float32(3)):
        with pytest.raises(AudioError, match="shape"):
            SourceSeparator().separate_waveform(y, SR)
    with pytest.raises(AudioError, match="NaN"):
        SourceSeparator().separate_waveform(np.array([0.0, np.nan]), SR)

"""Tempo and beats of an onset envelope, in numpy alone.

Names, arguments and numbers are those of `librosa.feature.tempo`, `librosa.feature.tempogram` and `librosa.beat.beat_track`
0.11; the beats are the same frames. librosa compiles its dynamic programme by numba; here it runs on as many frames at once
as cannot be beats of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from ostinato.audio.onset import Frames, in_units, refuse
from ostinato.core.errors import UsageError

Array = npt.NDArray[np.floating]

_CHUNK = 64  # windows transformed together: they stay in the processor's cache
_ROUNDING = 2e-6  # most by which single precision moves a mean autocorrelation; measured below 2e-7
_FAINT = 1e-9  # of the highest value of an envelope: squares of smaller ones may vanish in single precision
_SHARPNESS = 32.0  # of the Gaussian that smooths the envelope, in beats: Ellis 2007, as in librosa
_FIRST = 0.01  # share of the best score from which a first beat may start
_TINY = float(np.finfo(np.float64).tiny)


def _one_envelope(onset_envelope: Array) -> Array:
    x = np.asarray(onset_envelope)
    if x.ndim != 1:
        raise UsageError(f"onset_envelope has shape {x.shape}; expected one envelope (n_frames,): call once a channel.")
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def _windows(envelope: Array, win_length: int) -> Array:
    """Windows `(n_frames, win_length)` centred on each frame, a view; the ends fall to 0 linearly."""
    half = win_length // 2
    fade = np.linspace(0.0, 1.0, half, endpoint=False) if half else np.zeros(0)
    padded = np.concatenate([envelope[0] * fade, envelope, envelope[-1] * fade[::-1]]).astype(envelope.dtype)
    return np.lib.stride_tricks.sliding_window_view(padded, win_length)[: len(envelope)]


def _hann(n: int) -> Array:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n) if n > 1 else np.ones(n)


def _size(win_length: int) -> int:
    size: int = fft.next_fast_len(2 * win_length - 1, real=True)
    return size


def tempogram(*, onset_envelope: Array, win_length: int = 384, **unsupported: Any) -> Array:
    """Autocorrelation of a Hann window around each frame, divided by its highest value, `(win_length, n_frames)`.

    Row `k` is a lag of `k` frames. Windows are centred. Grosche, Müller and Kurth 2010, "Cyclic tempogram".
    """
    refuse("tempogram", {k: v for k, v in unsupported.items() if k not in {"sr", "hop_length"}})
    if win_length < 1:
        raise UsageError(f"win_length={win_length} must be a positive integer.")
    envelope = _one_envelope(onset_envelope)
    if not len(envelope):
        return np.zeros((win_length, 0))
    windows, hann = _windows(envelope, win_length), _hann(win_length)
    result = np.empty((len(envelope), win_length))
    for start in range(0, len(windows), _CHUNK):
        spectrum = fft.rfft(windows[start : start + _CHUNK] * hann, _size(win_length), axis=-1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        lags = fft.irfft(power, _size(win_length), axis=-1)[:, :win_length]
        highest = np.abs(lags).max(axis=-1, keepdims=True)
        result[start : start + _CHUNK] = lags / np.where(highest < _TINY, 1.0, highest)
    return result.T


def _mean_tempogram(envelope: Array, win_length: int) -> Array:
    """The mean of `tempogram` over frames, `(win_length,)`, in the precision of `envelope`.

    A mean of inverse transforms is the inverse transform of the mean, and an autocorrelation is highest at lag 0, where it is
    the window's energy: one inverse transform in place of one a frame.
    """
    windows, hann = _windows(envelope, win_length), _hann(win_length).astype(envelope.dtype)
    total = np.zeros(1 + _size(win_length) // 2)
    for start in range(0, len(windows), _CHUNK):
        block = windows[start : start + _CHUNK] * hann
        energy = np.einsum("tk,tk->t", block, block)
        block /= np.sqrt(np.where(energy < np.finfo(block.dtype).tiny, 1.0, energy).astype(block.dtype))[:, None]
        parts = fft.rfft(block, _size(win_length), axis=-1).view(block.dtype)
        total += np.einsum("tk,tk->k", parts, parts).reshape(-1, 2).sum(axis=-1)
    lags: Array = fft.irfft(total, _size(win_length))[:win_length] / len(windows)
    return lags


def _best_lag(envelope: Array, win_length: int, prior: Array) -> int:
    """The best lag of the mean tempogram: in single precision where its rounding decides nothing, else in double."""
    size = np.abs(envelope)
    highest = size.max()
    if highest > 0 and size[size > 0].min() > _FAINT * highest:
        lags = _mean_tempogram((envelope / highest).astype(np.float32), win_length)
        least = _score(np.maximum(lags - _ROUNDING, 0.0), prior)
        best = int(least.argmax())
        if np.count_nonzero(_score(np.maximum(lags, 0.0) + _ROUNDING, prior) >= least[best]) == 1:
            return best
    return int(_score(_mean_tempogram(envelope.astype(np.float64), win_length), prior).argmax())


def _score(strength: Array, prior: Array) -> Array:
    # rounding may leave an autocorrelation a hair below 0, never by what log1p could not take
    return np.asarray(np.log1p(1e6 * strength) + prior)


def _prior(bpms: Array, start_bpm: float, std_bpm: float, max_tempo: float | None) -> Array:
    prior = np.full(len(bpms), -np.inf)
    prior[1:] = -0.5 * ((np.log2(bpms[1:]) - np.log2(start_bpm)) / std_bpm) ** 2
    if max_tempo is not None:
        prior[: int(np.argmax(bpms < max_tempo))] = -np.inf
    return prior


def tempo(
    *,
    onset_envelope: Array | None = None,
    sr: float = 22_050,
    hop_length: int = 512,
    tg: Array | None = None,
    start_bpm: float = 120.0,
    std_bpm: float = 1.0,
    ac_size: float = 8.0,
    max_tempo: float | None = 320.0,
    aggregate: Callable[..., Any] | None = np.mean,
    **unsupported: Any,
) -> Array:
    """Beats a minute, `(1,)`; `(n_frames,)` with `aggregate=None`.

    The best lag of the tempogram over windows of `ac_size` seconds, under a log-normal prior around `start_bpm` with
    `std_bpm` octaves. `tg (n_lags, n_frames)` stands in for the tempogram of `onset_envelope (n_frames,)`. A silent envelope
    has the tempo of the prior.
    """
    refuse("tempo", unsupported)
    if start_bpm <= 0 or std_bpm <= 0:
        raise UsageError(f"start_bpm={start_bpm} and std_bpm={std_bpm} must be positive.")
    if tg is not None:
        tg = np.asarray(tg)
    elif onset_envelope is None:
        raise UsageError("tempo needs onset_envelope or tg.")
    win_length = len(tg) if tg is not None else int(ac_size * sr) // hop_length
    if win_length < 2:  # noqa: PLR2004 - one lag beside 0
        raise UsageError(f"a tempogram of {win_length} lags has no tempo; expected an ac_size of some seconds.")
    with np.errstate(divide="ignore"):
        bpms = 60.0 * sr / (hop_length * np.arange(win_length))  # lag 0 is infinitely fast
    prior = _prior(bpms, start_bpm, std_bpm, max_tempo)
    if tg is None:
        envelope = _one_envelope(np.asarray(onset_envelope))
        if aggregate and not len(envelope):
            envelope = np.zeros(1)
        if aggregate is np.mean:
            return bpms[[_best_lag(envelope, win_length, prior)]]
        tg = tempogram(onset_envelope=envelope, win_length=win_length)
    strength = aggregate(tg, axis=-1, keepdims=True) if aggregate else tg
    result: Array = bpms[_score(strength, prior[:, None]).argmax(axis=0)]
    return result


def beat_track(
    *,
    onset_envelope: Array,
    sr: float = 22_050,
    hop_length: int = 512,
    start_bpm: float = 120.0,
    tightness: float = 100.0,
    trim: bool = True,
    bpm: float | Array | None = None,
    units: str = "frames",
    **unsupported: Any,
) -> tuple[Array, npt.NDArray[Any]]:
    """Tempo `(1,)` in beats a minute and beats `(n_beats,)` of an envelope `(n_frames,)`; 0 and none for a silent one.

    Beats are the path that trades onset strength for evenness (`tightness`) around one tempo, `bpm` or the estimated one;
    `trim` leaves weak first and last beats out. A constant envelope is beaten evenly. `units` are "frames", "samples" or
    "time". For librosa's own beats of a clip take `onset_strength(aggregate=np.median)`.

    Ellis 2007, "Beat tracking by dynamic programming".

    >>> bpm, beats = beat_track(onset_envelope=np.tile([1.0] + 19 * [0.0], 10), bpm=129.2)
    >>> np.unique(np.diff(beats)).tolist()
    [20]
    """
    refuse("beat_track", unsupported)
    if tightness <= 0:
        raise UsageError(f"tightness={tightness} must be positive.")
    envelope = _one_envelope(onset_envelope)
    if not envelope.any():
        return np.zeros(1), in_units(np.zeros(0, dtype=np.int64), units, sr, hop_length)
    if bpm is None:
        bpm = tempo(onset_envelope=envelope, sr=sr, hop_length=hop_length, start_bpm=start_bpm)
    bpm = np.atleast_1d(np.asarray(bpm, dtype=np.float64))
    if bpm.shape != (1,) or not np.isfinite(bpm[0]) or bpm[0] <= 0:
        raise UsageError(f"bpm={bpm} must be one positive number; a tempo that changes is not offered here.")
    period = int(np.round(sr / hop_length * 60.0 / bpm[0]))
    if period < 1:
        raise UsageError(f"bpm={bpm[0]:g} is more than two beats a frame of {hop_length} samples at {sr:g} Hz.")
    return bpm, in_units(_beats(envelope, period, tightness, trim), units, sr, hop_length)


def _beats(envelope: Array, period: int, tightness: float, trim: bool) -> Frames:
    score = _local_score(envelope, period)
    links, total = _best_paths(score, period, tightness)
    beats = []
    frame = _last_beat(total)
    while frame >= 0:
        beats.append(frame)
        frame = int(links[frame])
    return _trimmed(np.array(beats[::-1], dtype=np.int64), score, trim)


def _local_score(envelope: Array, period: int) -> Array:
    """The envelope over its standard deviation, smoothed by a Gaussian of a small part of a beat."""
    # librosa divides a constant envelope by the smallest float there is and overflows: its beats are then rounding errors
    constant = np.ptp(envelope) == 0
    scale = np.abs(envelope).max() if constant else envelope.std(ddof=1) + np.finfo(envelope.dtype).tiny
    x = (envelope / scale).astype(np.float64)
    x[0] = 0.0  # librosa's convolution never reaches the first frame
    window = np.exp(-0.5 * (np.arange(-period, period + 1) * _SHARPNESS / period) ** 2)
    return np.convolve(x, window)[period : period + len(x)]


def _best_paths(score: Array, period: int, tightness: float) -> tuple[Frames, Array]:
    """Each frame's best previous beat (-1 for none), and the score of the best path that ends there.

    A previous beat lies half a period to two periods back, so the frames of half a period do not wait for each other.
    """
    n, nearest, farthest = len(score), max(1, round(period / 2)), 2 * period
    lags = np.arange(nearest, farthest + 1)
    penalty = np.float32(tightness) * (np.log(lags) - np.log(period)) ** 2
    padded = np.full(farthest + n, -np.inf)  # no path ends before the first frame
    total = padded[farthest:]
    links = np.full(n, -1, dtype=np.int64)
    # row i, column k: the path that ends `nearest + k` frames before frame i
    before = np.lib.stride_tricks.sliding_window_view(padded[: farthest + n - nearest], len(lags))[:, ::-1]
    for start in range(0, n, nearest):
        stop = min(start + nearest, n)
        candidates = before[start:stop] - penalty
        column = candidates.argmax(axis=1)
        best = candidates[np.arange(stop - start), column]
        found = best > -np.inf
        links[start:stop] = np.where(found, np.arange(start, stop) - lags[column], -1)
        total[start:stop] = score[start:stop] + np.where(found, best, 0.0)
    loud = np.flatnonzero(score >= _FIRST * score.max())
    links[: loud[0] if len(loud) else n] = -1
    return links, total


def _last_beat(total: Array) -> int:
    """The last local maximum of the path scores that reaches half their median; the last frame where none does."""
    if len(total) < 2:  # noqa: PLR2004 - a maximum has a neighbour
        return len(total) - 1
    peak = np.zeros(len(total), dtype=bool)
    peak[1:] = total[1:] > total[:-1]
    peak[:-1] &= total[:-1] >= total[1:]
    peaks = np.flatnonzero(peak)
    high = peaks[total[peaks] >= 0.5 * np.median(total[peaks])] if len(peaks) else peaks
    return int(high[-1]) if len(high) else len(total) - 1


def _trimmed(beats: Frames, score: Array, trim: bool) -> Frames:
    """Beats without those before and after all that reaches half their mean strength (without `trim`: above 0)."""
    threshold = 0.0
    if trim:
        smooth = np.convolve(score[beats], np.hanning(5))[2 : len(score) + 2]
        threshold = 0.5 * float(np.sqrt(np.mean(np.square(smooth))))
    strong = np.flatnonzero(score > threshold)
    if not len(strong):
        return np.zeros(0, dtype=np.int64)
    kept: Frames = beats[(beats >= strong[0]) & (beats <= strong[-1])]
    return kept

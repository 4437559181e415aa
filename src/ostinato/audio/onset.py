"""Where notes begin: onset strength, the onsets themselves and spectral flux, in numpy alone.

Names, arguments, shapes and numbers are those of `librosa.onset` 0.11, computed from a spectrogram that the caller shares
among its features. An argument of librosa's that is not offered here raises `UsageError` by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UsageError

Array = npt.NDArray[np.floating]
Frames = npt.NDArray[np.int64]

_BLOCK = 65_536  # elements whose differences stay in the processor's cache
_LEAK = 0.99  # pole of the filter that takes the DC component away, librosa's
_DELTA = 0.07  # how far a peak stands above its surroundings, of an envelope between 0 and 1: librosa's
_PEAKS = {"pre_max", "post_max", "pre_avg", "post_avg", "wait", "delta"}


def refuse(function: str, arguments: dict[str, Any]) -> None:
    """Raise `UsageError` that names the arguments of librosa's that `function` does not offer."""
    if arguments:
        raise UsageError(
            f"{function}: argument{'s' * (len(arguments) > 1)} {', '.join(sorted(arguments))} not offered here; "
            "leave them out, or call librosa's function of this name."
        )


def in_units(frames: Frames, units: str, sr: float, hop_length: int) -> npt.NDArray[Any]:
    """Frame numbers as `frames`, `samples` or `time` (seconds)."""
    match units:
        case "frames":
            return frames
        case "samples":
            return frames * hop_length
        case "time":
            return frames * hop_length / sr
    raise UsageError(f"units={units!r} is not known; expected 'frames', 'samples' or 'time'.")


def _rise(S: Array, ref: Array, lag: int) -> Array:
    rise = S[..., lag:] - ref[..., : S.shape[-1] - lag]
    return np.maximum(rise, 0, out=rise)


def _median(rise: Array) -> Array:
    """np.median over the bands, by sorting rows in place: numpy sorts rows ten times faster than it selects in columns."""
    rows = np.ascontiguousarray(rise.swapaxes(-1, -2))
    rows.sort(axis=-1)
    n = rows.shape[-1]
    result: Array = rows[..., (n - 1) // 2 : n // 2 + 1].mean(axis=-1)
    return result


def _without_dc(envelope: Array) -> Array:
    """`(1 - z^-1) / (1 - 0.99 z^-1)`; a loop, since scipy.signal takes longer to import than hours of audio to filter."""
    change = np.diff(envelope.astype(np.float64), axis=-1, prepend=0.0)
    rows = [list(accumulate(row, lambda y, x: _LEAK * y + x)) for row in change.reshape(-1, change.shape[-1]).tolist()]
    return np.asarray(rows).reshape(change.shape)


def onset_strength(
    *,
    S: Array,
    sr: float = 22_050,
    n_fft: int = 2048,
    hop_length: int = 512,
    lag: int = 1,
    max_size: int = 1,
    ref: Array | None = None,
    detrend: bool = False,
    center: bool = True,
    aggregate: Callable[..., Any] | None = None,
    **unsupported: Any,
) -> Array:
    """Mean rise of a log-power spectrogram `S (..., n_bands, n_frames)` in dB from frame to frame, `(..., n_frames)`.

    `lag` frames lie between the two; `max_size` bands of the earlier frame are maximum-filtered against vibrato; `center`
    shifts by half a window as a centred STFT asks for; `detrend` takes the DC component away (float64). `aggregate`
    (default np.mean; beat tracking takes np.median) joins the bands and must know `axis=`. `sr` changes nothing.

    Böck and Widmer 2013, "Maximum filter vibrato suppression for onset detection".
    """
    refuse("onset_strength", unsupported)
    for name, value in (("lag", lag), ("max_size", max_size)):
        if value != int(value) or value < 1:
            raise UsageError(f"{name}={value} must be a positive integer.")
    S = np.atleast_2d(S)
    if ref is None:
        ref = S
        if max_size > 1:
            from scipy.ndimage import maximum_filter1d

            ref = maximum_filter1d(S, max_size, axis=-2)
    elif ref.shape != S.shape:
        raise UsageError(f"ref has shape {ref.shape}; expected that of S, {S.shape}.")
    n_frames = S.shape[-1]
    shift = lag + (n_fft // (2 * hop_length) if center else 0)
    envelope = np.zeros((*S.shape[:-2], max(n_frames, lag) + shift - lag), dtype=S.dtype)
    if n_frames > lag:
        rise = _rise(S, np.asarray(ref), lag)
        joined = _median(rise) if aggregate is np.median else (aggregate or np.mean)(rise, axis=-2)
        envelope[..., shift:] = joined
    if detrend:
        envelope = _without_dc(envelope)
    return envelope[..., :n_frames] if center else envelope


def onset_detect(
    *,
    onset_envelope: Array,
    sr: float = 22_050,
    hop_length: int = 512,
    backtrack: bool = False,
    energy: Array | None = None,
    units: str = "frames",
    normalize: bool = True,
    **peaks: Any,
) -> npt.NDArray[Any]:
    """Frames `(n_onsets,)` at which an envelope `(n_frames,)` peaks; none for a constant or non-finite envelope.

    `backtrack` moves each onset to the nearest minimum of `energy` (the envelope by default) at or before it. `units` are
    "frames", "samples" or "time". `peaks` are the arguments of `peak_pick`; by default 30 ms without a higher value, 100 ms
    on either side for the mean, 30 ms to the next onset.

    >>> onset_detect(onset_envelope=np.array([0.0, 0, 5, 0, 0, 0, 0, 3, 0, 0])).tolist()
    [2, 7]
    """
    refuse("onset_detect", {name: value for name, value in peaks.items() if name not in _PEAKS})
    x = _envelope(onset_envelope)
    if normalize and len(x):
        x = x - x.min()
        x /= x.max() + np.finfo(x.dtype).tiny
    frames: Frames = np.zeros(0, dtype=np.int64)
    if x.any() and np.isfinite(x).all():
        chosen = {
            "pre_max": 0.03 * sr // hop_length,
            "post_max": 1,
            "pre_avg": 0.10 * sr // hop_length,
            "post_avg": 0.10 * sr // hop_length + 1,
            "wait": 0.03 * sr // hop_length,
            "delta": _DELTA,
        }
        frames = peak_pick(x, **{**chosen, **peaks})
        if backtrack:
            frames = onset_backtrack(frames, x if energy is None else np.asarray(energy))
    return in_units(frames, units, sr, hop_length)


def _envelope(onset_envelope: Array) -> Array:
    x = np.asarray(onset_envelope)
    if x.ndim != 1:
        raise UsageError(f"onset_envelope has shape {x.shape}; expected one envelope (n_frames,): call once a channel.")
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def _windows(x: Array, before: int, after: int, fill: float) -> list[Array]:
    """`x[n - before], ..., x[n + after - 1]` for all n, as views of a padded copy."""
    padded = np.pad(x, (before, after - 1), constant_values=fill)
    return [padded[k : k + len(x)] for k in range(before + after)]


def peak_pick(
    x: Array, *, pre_max: float, post_max: float, pre_avg: float, post_avg: float, delta: float, wait: float
) -> Frames:
    """Frames where `x (n,)` is the highest of its window, `delta` above the mean of another, `wait` after the last one.

    The windows are `n - pre` to `n + post - 1`, cut at the ends. Böck, Krebs and Schedl 2012, "Evaluating the online
    capabilities of onset detection methods".
    """
    given = {"pre_max": pre_max, "post_max": post_max, "pre_avg": pre_avg, "post_avg": post_avg, "wait": wait}
    for name, value in given.items():
        if value < name.startswith("post"):
            raise UsageError(f"{name}={value} must be {'positive' if name.startswith('post') else 'non-negative'}.")
    if delta < 0:
        raise UsageError(f"delta={delta} must be non-negative.")
    sizes = {name: int(np.ceil(value)) for name, value in given.items()}
    highest = x.copy()
    for shifted in _windows(x, sizes["pre_max"], sizes["post_max"], -np.inf):
        np.maximum(highest, shifted, out=highest)
    # summed in the order and the precision of librosa's loop, so that even ties fall alike
    total = np.zeros_like(x)
    for shifted in _windows(x, sizes["pre_avg"], sizes["post_avg"], 0.0):
        total += shifted
    n = np.arange(len(x))
    count = np.minimum(n + sizes["post_avg"], len(x)) - np.maximum(n - sizes["pre_avg"], 0)
    candidates = np.flatnonzero((x == highest) & (x >= total / count.astype(x.dtype) + np.float32(delta)))
    chosen, free = [], 0
    for frame in candidates.tolist():
        if frame >= free:
            chosen.append(frame)
            free = frame + sizes["wait"] + 1
    return np.array(chosen, dtype=np.int64)


def onset_backtrack(events: Frames, energy: Array) -> Frames:
    """Move each event (frame) to the nearest local minimum of `energy (n_frames,)` at or before it, or to 0.

    Jehan 2005, "Creating music by listening".
    """
    middle = energy[1:-1]
    minima = 1 + np.flatnonzero((middle <= energy[:-2]) & (middle < energy[2:]))
    minima = np.concatenate([[0], minima]).astype(np.int64)
    result: Frames = minima[np.searchsorted(minima, events, side="right") - 1]
    return result


def spectral_flux(S: Array) -> Array:
    """Rise of a magnitude spectrogram `(n_bins, n_frames)`, `(1, n_frames)` float32, 0 in the first frame.

    `sqrt(sum_k max(0, S[k, t] - S[k, t - 1])^2)`: the L2 norm over bins of what grew. Bello et al. 2005, "A tutorial on onset
    detection in music signals", eq. 6 (half-wave rectified, squared); Dixon 2006, "Onset detection revisited", reviews it
    beside the L1 norm.
    """
    S = np.atleast_2d(S)
    n_bins, n_frames = S.shape
    power: Array = np.zeros(n_frames)
    if S.strides[0] < S.strides[1]:  # a transposed spectrogram: a frame lies together
        step = max(1, _BLOCK // max(1, n_bins))
        for start in range(1, n_frames, step):
            rise: Array = S.T[start : start + step] - S.T[start - 1 : min(start + step, n_frames) - 1]
            np.maximum(rise, 0, out=rise)
            power[start : start + step] = np.einsum("tk,tk->t", rise, rise)
    else:
        step = max(1, _BLOCK // max(1, n_frames))
        for start in range(0, n_bins, step):
            rise = _rise(S[start : start + step], S[start : start + step], 1)
            power[1:] += np.einsum("kt,kt->t", rise, rise)
    return np.sqrt(power).astype(np.float32)[None, :]

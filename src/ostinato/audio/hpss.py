"""Harmonic and percussive parts of a spectrogram by median filtering: librosa's `decompose.hpss`, its numbers, faster.

A tone stays in its bin and a stroke stays in its frame, so the median over time keeps tones and the median over
frequency keeps strokes (Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010; margins:
Driedger, Müller and Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014). Fastest where
the frames of `S` lie one after another in memory (`S.T` is C-contiguous), which is how the engine holds spectrograms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.audio.median import running_median
from ostinato.core.errors import UsageError

Array = npt.NDArray[np.floating]
Spectrogram = npt.NDArray[Any]  # real or complex

KERNEL_SIZE = 31  # frames and bins; librosa's default
_BLOCK = 1 << 15  # elements; the six arrays of a block stay in the second-level cache


def hpss(
    S: Spectrogram,
    *,
    kernel_size: int | Sequence[int] = KERNEL_SIZE,
    power: float = 2.0,
    mask: bool = False,
    margin: float | Sequence[float] = 1.0,
) -> tuple[Spectrogram, Spectrogram]:
    """The harmonic and the percussive part of a spectrogram `(..., n_bins, n_frames)`, magnitudes or complex.

    `kernel_size` is the median's width in frames (harmonic) and bins (percussive), `power` the exponent of the soft masks
    (infinite: hard ones), `margin`, at least 1, the factor by which one median must exceed the other; pairs are given as
    (harmonic, percussive). With margins of 1 the parts sum to `S`. `mask=True` gives the masks instead, from 0 to 1.
    Raises UsageError for arguments out of range.
    """
    kernels, margins = _pair("kernel_size", kernel_size, 1), _pair("margin", margin, 1)
    if not power > 0:
        raise UsageError(f"power must be greater than 0, got {power}")
    if S.ndim < 2:  # noqa: PLR2004 - bins and frames
        raise UsageError(f"hpss takes a spectrogram (..., n_bins, n_frames); got shape {S.shape}")
    S = _dense(S)
    magnitude = np.abs(S) if np.iscomplexobj(S) else S
    typed = np.dtype(bool) if mask and np.isinf(power) else (magnitude if mask else S).dtype
    parts = np.empty_like(S, dtype=typed), np.empty_like(S, dtype=typed)
    for channel in np.ndindex(S.shape[:-2]):
        medians = _medians(magnitude[channel], kernels)
        flat = [each.ravel(order="K") for each in (S[channel], *medians)]
        targets = [part[channel].ravel(order="K") for part in parts]  # views, as `S` is dense
        for here in _slices(flat[0].size):
            for target, share in zip(targets, _masks(flat[1][here], flat[2][here], power, margins), strict=True):
                target[here] = share if mask else flat[0][here] * share
    return parts


def harmonic_percussive_energy(
    S: Array,
    *,
    kernel_size: int | Sequence[int] = KERNEL_SIZE,
    power: float = 2.0,
    margin: float | Sequence[float] = 1.0,
) -> tuple[Array, Array]:
    """RMS of the harmonic and of the percussive part, each `(1, n_frames)`, of magnitudes `S` `(1 + n_fft / 2, n_frames)`.

    Equal to `librosa.feature.rms(S=part, frame_length=n_fft)` of both parts of `hpss`, for an even `n_fft`; the parts
    themselves are never held. Raises UsageError as `hpss` does.
    """
    kernels, margins = _pair("kernel_size", kernel_size, 1), _pair("margin", margin, 1)
    if not power > 0:
        raise UsageError(f"power must be greater than 0, got {power}")
    if S.ndim != 2 or len(S) < 2:  # noqa: PLR2004 - bins and frames
        raise UsageError(f"expected magnitudes (1 + n_fft / 2, n_frames); got shape {S.shape}")
    n_bins, n_frames = S.shape
    harmonic, percussive = _medians(S, kernels)
    frames = max(1, _BLOCK // n_bins)
    energies = np.zeros((2, 1, n_frames), dtype=np.float32)
    for start in range(0, n_frames, frames):
        here = slice(start, start + frames)
        block = S.T[here]
        for energy, share in zip(energies, _masks(harmonic.T[here], percussive.T[here], power, margins), strict=True):
            part = block * share
            part *= part
            # a one-sided spectrum counts every bin twice but the first and the last
            energy[0, here] = 2 * part.sum(axis=1) - part[:, 0] - part[:, -1]
    rms = np.sqrt(energies) / (2 * (n_bins - 1))
    return rms[0], rms[1]


def _pair(name: str, value: Any, least: float) -> tuple[Any, Any]:
    first, second = value if isinstance(value, Sequence) else (value, value)
    if not (first >= least and second >= least):
        raise UsageError(f"{name} must be at least {least}, got {value}")
    return first, second


def _dense(S: Spectrogram) -> Spectrogram:
    """`S` as floats without gaps in memory, in the order it has."""
    if not np.issubdtype(S.dtype, np.inexact):
        return S.astype(np.float32)
    channel = S[(0,) * (S.ndim - 2)] if S.size else S
    return S if channel.flags.forc else S.copy(order="C")


def _medians(S: Array, kernels: tuple[int, int]) -> tuple[Array, Array]:
    if S.size and S.min() < 0:
        raise UsageError("hpss takes magnitudes or a complex spectrogram; got negative numbers, such as decibels have")
    return running_median(S, kernels[0], axis=1), running_median(S, kernels[1], axis=0)


def _slices(size: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, size, _BLOCK))


def _masks(
    harmonic: Array, percussive: Array, power: float, margins: tuple[float, float]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The soft masks of both parts, or the hard ones for an infinite power; where both medians are 0, halves.

    With a margin beyond 1 both masks are 0 there, as there is a residual that takes it.
    """
    if margins == (1, 1):
        return _soft_masks(harmonic, percussive, power, empty=0.5)
    return (
        _soft_masks(harmonic, percussive * np.asarray(margins[0], percussive.dtype), power, empty=0.0)[0],
        _soft_masks(percussive, harmonic * np.asarray(margins[1], harmonic.dtype), power, empty=0.0)[0],
    )


def _soft_masks(X: Array, X_ref: Array, power: float, empty: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """`X ** power / (X ** power + X_ref ** power)` and its complement, stable; `empty` where there is nothing."""
    if np.isinf(power):
        return np.greater(X, X_ref), np.less(X, X_ref)
    largest = np.maximum(X, X_ref)
    bad = largest < np.finfo(largest.dtype).tiny
    has_bad = bad.any()
    if has_bad:
        largest[bad] = 1
    mask, rest = np.divide(X, largest), np.divide(X_ref, largest)
    if power == 2:  # noqa: PLR2004 - the usual one, without a call of pow an element
        mask *= mask
        rest *= rest
    elif power != 1:
        mask, rest = np.power(mask, power), np.power(rest, power)
    total = np.add(mask, rest, out=largest)
    if has_bad:
        total[bad] = 1
    mask /= total
    rest /= total
    if has_bad:
        mask[bad] = rest[bad] = empty
    return mask, rest

"""The constant-Q transform of librosa, as one matrix product an octave.

librosa transforms every octave by an FFT and multiplies by a sparse basis that it builds anew for each octave. The basis of
each octave is the same at half the rate, so its kernels are taken back to the time domain once and kept; an octave is then
its windows times one real matrix, which a processor does at full speed. (Schörkhuber and Klapuri 2010, as in librosa.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

from ostinato.audio.stft import Array, frame, hann
from ostinato.core.errors import UsageError

C1 = 440.0 * 2.0 ** ((24 - 69) / 12)  # Hz
_HANN_BANDWIDTH = 1.50018310546875  # equivalent noise bandwidth in bins, librosa.filters.WINDOW_BANDWIDTHS["hann"]
_SPARSITY = 0.01  # share of a filter's magnitude that librosa drops
_BLOCK = 128  # windows that stay in the processor's second cache

Complex = npt.NDArray[np.complex64]


def _alpha(bins_per_octave: int) -> float:
    """Relative bandwidth of a filter."""
    step = float(2.0 ** (2.0 / bins_per_octave))
    return (step - 1) / (step + 1)


def highest_frequency(fmin: float, bins_per_octave: int) -> float:
    """Hz that the highest filter of the octave from `fmin` reaches."""
    top = fmin * 2.0 ** ((bins_per_octave - 1) / bins_per_octave)
    return float(top * (1 + 0.5 * _HANN_BANDWIDTH * _alpha(bins_per_octave)))


@lru_cache(maxsize=64)
def octave_kernels(sr: float, fmin: float, bins_per_octave: int) -> Array:
    """Filters of the octave from `fmin` Hz at rate `sr` over the root of their length, `(n_fft, 2 * bins_per_octave)`.

    Columns are the real and the imaginary part of each filter by turns.
    """
    freqs = fmin * 2.0 ** (np.arange(bins_per_octave) / bins_per_octave)
    lengths = sr / freqs / _alpha(bins_per_octave)
    n_fft = 1 << int(np.ceil(np.log2(lengths[0])))
    rows = [_kernel(freq / sr, length, n_fft) for freq, length in zip(freqs, lengths, strict=True)]
    matrix = np.empty((n_fft, 2 * bins_per_octave), dtype=np.float32)
    matrix[:, 0::2], matrix[:, 1::2] = np.real(rows).T, np.imag(rows).T
    return matrix


def _kernel(freq: float, length: float, n_fft: int) -> npt.NDArray[np.complex128]:
    """One filter of `length` samples at `freq` cycles a sample, sparse in frequency, in the time domain."""
    samples = np.arange(-length // 2, length // 2)
    wavelet = np.exp(2j * np.pi * freq * samples) * hann(len(samples))
    wavelet /= np.abs(wavelet).sum()
    padded = np.zeros(n_fft, dtype=np.complex64)
    start = (n_fft - len(wavelet)) // 2
    padded[start : start + len(wavelet)] = wavelet
    spectrum = fft.fft(padded * np.float32(length / n_fft))[: n_fft // 2 + 1]
    size = np.abs(spectrum)
    ordered = np.sort(size)
    kept = size >= ordered[np.argmin(np.cumsum(ordered / size.sum()) < _SPARSITY)]
    # rfft gives bin f as a sum over e^(-2 pi i f n / n_fft): a weighted sum of bins is a weighted sum of those waves
    back: npt.NDArray[np.complex128] = fft.fft(np.where(kept, spectrum, 0).astype(np.complex128), n_fft)
    back /= np.sqrt(length)
    return back


def octaves(y: Array, sr: float, n_octaves: int) -> list[tuple[Array, float]]:
    """`y` and its copies at half the rate each, of equal energy, with their rates."""
    import soxr

    copies = [(np.asarray(y, dtype=np.float32), float(sr))]
    for _ in range(n_octaves - 1):
        last, rate = copies[-1]
        half = soxr.resample(last, 2, 1, quality="HQ") * np.float32(np.sqrt(2.0))
        copies.append((_fixed(half, (len(last) + 1) // 2), rate / 2))
    return copies


def early_downsampled(
    y: Array, sr: float, hop_length: int, fmin: float, bins_per_octave: int, n_octaves: int
) -> tuple[Array, float, int]:
    """The signal, rate and hop that librosa transforms where the rate is far above the highest filter."""
    highest = highest_frequency(fmin * 2.0 ** (n_octaves - 1), bins_per_octave)
    halvings = max(0, int(np.ceil(np.log2(sr / 2 / highest))) - 2)
    twos = (hop_length & -hop_length).bit_length() - 1
    factor = 1 << min(halvings, max(0, twos - n_octaves + 1))
    if factor == 1:
        return y, sr, hop_length
    import soxr

    less = soxr.resample(np.asarray(y, dtype=np.float32), factor, 1, quality="HQ") * np.float32(np.sqrt(factor))
    return _fixed(less, -(-len(y) // factor)), sr / factor, hop_length // factor


def _fixed(y: Array, length: int) -> Array:
    if len(y) >= length:
        return y[:length]
    return np.pad(y, (0, length - len(y)))


def cqt(
    y: Array,
    *,
    sr: float = 22_050,
    hop_length: int = 512,
    fmin: float | None = None,
    n_bins: int = 84,
    bins_per_octave: int = 12,
    tuning: float | None = 0.0,
) -> Complex:
    """librosa.cqt: constant-Q transform `(n_bins, n_frames)`, complex64.

    `n_bins` is a number of whole octaves and `hop_length` divisible by 2 for each but the highest; otherwise, and where
    the highest filter passes the Nyquist frequency, UsageError.
    """
    n_octaves = -(-n_bins // bins_per_octave)
    if n_bins % bins_per_octave or hop_length % (1 << (n_octaves - 1)):
        raise UsageError(
            f"n_bins={n_bins}, bins_per_octave={bins_per_octave}, hop_length={hop_length}: expected whole octaves and a hop "
            f"divisible by {1 << (n_octaves - 1)}"
        )
    if tuning is None:
        from ostinato.audio.stft import magnitudes
        from ostinato.audio.tuning import estimate_tuning

        tuning = estimate_tuning(magnitudes(y), sr, bins_per_octave=bins_per_octave)
    lowest = (C1 if fmin is None else fmin) * 2.0 ** (tuning / bins_per_octave)
    top = lowest * 2.0 ** (n_octaves - 1)
    if (highest := highest_frequency(top, bins_per_octave)) > sr / 2:
        raise UsageError(f"the highest filter reaches {highest:.0f} Hz, beyond {sr / 2:.0f} Hz; ask for fewer bins")
    n_frames = 1 + len(y) // hop_length
    y, sr, hop_length = early_downsampled(y, sr, hop_length, lowest, bins_per_octave, n_octaves)
    matrix = octave_kernels(sr, top, bins_per_octave)
    result = np.empty((n_frames, n_bins), dtype=np.complex64)
    for octave, (low, _) in enumerate(octaves(y, sr, n_octaves)):
        at = n_bins - (octave + 1) * bins_per_octave
        for start, response in responses(low, hop_length >> octave, n_frames, matrix):
            result[start : start + len(response), at : at + bins_per_octave] = response
    return result.T


def responses(y: Array, hop_length: int, n_frames: int, matrix: Array) -> list[tuple[int, Complex]]:
    """First frame and filter outputs `(n, bins_per_octave)` of blocks of frames centred on each hop."""
    n_fft = len(matrix)
    padded = np.zeros(max(len(y), (n_frames - 1) * hop_length) + n_fft, dtype=np.float32)
    padded[n_fft // 2 : n_fft // 2 + len(y)] = y
    windows = frame(padded, n_fft, hop_length)[:n_frames]
    found = []
    for start in range(0, n_frames, _BLOCK):
        product = np.ascontiguousarray(windows[start : start + _BLOCK]) @ matrix
        found.append((start, product.view(np.complex64)))
    return found

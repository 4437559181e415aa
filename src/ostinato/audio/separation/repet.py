"""REPET-SIM: what repeats in a recording, and what does not.

Rafii and Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012. Every frame is replaced by the median
of the frames that are most like it; what is louder than that does not repeat, such as a voice over an accompaniment.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ostinato.audio.separation.transform import Spectra, istft, loudness, stft

Array = npt.NDArray[np.float32]

STEMS = ("repeating", "varying")
_WINDOW_SECONDS = 0.04  # all five from the paper, section 3.1
_LEAST_SIMILARITY = 0.0
_LEAST_DISTANCE_SECONDS = 1.0
_MOST_SIMILAR = 100  # frames
_HIGH_PASS_HZ = 100.0  # below it, a voice has nothing
_SILENT = 1e-10


def separate(y: Array, sr: int) -> Array:
    """The repeating and the varying part `(2, channels, n)` of a signal `(channels, n)`; they sum to it."""
    from scipy import fft

    hop_length = fft.next_fast_len(round(_WINDOW_SECONDS * sr / 2), real=True)
    n_fft = 2 * hop_length
    D = stft(y, n_fft, hop_length)
    S = loudness(D)
    mask = np.minimum(_typical(S, round(_LEAST_DISTANCE_SECONDS * sr / hop_length)), S)
    mask /= np.maximum(S, _SILENT)
    mask[:, : 1 + int(_HIGH_PASS_HZ * n_fft / sr)] = 1
    repeating = _masked(D, mask, n_fft, hop_length, y.shape[1])
    return np.stack([repeating, y - repeating])


def _masked(D: Spectra, mask: Array, n_fft: int, hop_length: int, length: int) -> Array:
    D *= mask
    return istft(D, n_fft, hop_length, length)


def _typical(S: Array, distance: int) -> Array:
    """For each frame of `S` `(n_frames, n_bins)`, the median of the frames most like it."""
    result = np.empty_like(S)
    for t, alike in enumerate(_similar_frames(S, distance)):
        result[t] = np.median(S[alike], axis=0)
    return result


def _similar_frames(S: Array, distance: int) -> list[npt.NDArray[np.intp]]:
    """For each frame the frames most like it, itself among them, no two of them nearer than `distance` frames."""
    from scipy.ndimage import maximum_filter1d

    unit = S / np.maximum(np.linalg.norm(S, axis=1, keepdims=True), _SILENT)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, 2.0)
    peaks = similarity >= maximum_filter1d(similarity, 2 * distance + 1, axis=1)
    similarity[~peaks | (similarity < _LEAST_SIMILARITY)] = -1
    best = np.argsort(-similarity, axis=1, kind="stable")[:, :_MOST_SIMILAR]
    return [row[similarity[t, row] >= 0] for t, row in enumerate(best)]

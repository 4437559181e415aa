"""Non-negative matrix factorisation: a spectrogram as few spectra that come and go.

Smaragdis and Brown, "Non-negative matrix factorization for polyphonic music transcription", WASPAA 2003; the updates
that lower the Kullback-Leibler divergence are those of Lee and Seung, NIPS 2001.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ostinato.audio.hpss import hpss
from ostinato.audio.separation.transform import istft, loudness, stft

Array = npt.NDArray[np.float32]

STEMS = ("harmonic", "percussive")
_N_FFT_SECONDS, _OVERLAP = 0.093, 4  # 2,048 samples at 22,050 Hz
_TINY = np.float32(1e-9)


class Factors(NamedTuple):
    """`activations` `(n_frames, n_components)` times `spectra` `(n_components, n_bins)`; each spectrum sums to 1."""

    activations: Array
    spectra: Array


def factorise(S: Array, n_components: int, iterations: int = 100, random_state: int = 0) -> Factors:
    """The factors of magnitudes `S` `(n_frames, n_bins)` after so many multiplicative updates of each."""
    rng = np.random.default_rng(random_state)
    activations, spectra = (
        rng.uniform(0.5, 1.5, shape).astype(np.float32)
        for shape in ((len(S), n_components), (n_components, S.shape[1]))
    )
    activations *= S.sum() / max(float(activations.sum(axis=0) @ spectra.sum(axis=1)), float(_TINY))
    for _ in range(iterations):
        spectra *= (activations.T @ _ratio(S, activations, spectra)) / (activations.sum(axis=0)[:, None] + _TINY)
        activations *= (_ratio(S, activations, spectra) @ spectra.T) / (spectra.sum(axis=1) + _TINY)
    scale = spectra.sum(axis=1) + _TINY
    return Factors(activations * scale, spectra / scale[:, None])


def divergence(S: Array, factors: Factors) -> float:
    """The generalised Kullback-Leibler divergence of the product of the factors from `S`; no update raises it."""
    model = (factors.activations @ factors.spectra + _TINY).astype(np.float64)
    return float(np.sum(S * np.log((S + _TINY) / model) - S + model))


def _ratio(S: Array, activations: Array, spectra: Array) -> Array:
    model = activations @ spectra
    model += _TINY
    result: Array = np.divide(S, model, out=model)
    return result


def percussive_share(S: Array, factors: Factors) -> Array:
    """How much of each component median filtering calls percussive, `(n_components,)`, from 0 to 1."""
    mask = hpss(S.T, mask=True)[1].T
    told: Array = np.einsum("tk,kf,tf->k", factors.activations, factors.spectra, mask, optimize=True)
    whole = factors.activations.sum(axis=0) * factors.spectra.sum(axis=1)
    shares: Array = told / np.maximum(whole, _TINY)
    return shares


def separate(y: Array, sr: int, n_components: int, grouped: bool, iterations: int, random_state: int) -> Array:
    """Stems `(n_stems, channels, n)` of a signal `(channels, n)`, which they sum to.

    Grouped, there are two: the components that median filtering calls harmonic, and the others. Otherwise each component
    is one, the loudest first.
    """
    from scipy import fft

    hop_length = fft.next_fast_len(round(_N_FFT_SECONDS * sr / _OVERLAP), real=True)
    n_fft = _OVERLAP * hop_length
    D = stft(y, n_fft, hop_length)
    S = loudness(D)
    factors = factorise(S, n_components, iterations, random_state)
    if grouped:
        percussive = percussive_share(S, factors) > 0.5  # noqa: PLR2004 - most of it
        groups = [np.flatnonzero(~percussive), np.flatnonzero(percussive)]
    else:
        groups = [np.array([k]) for k in np.argsort(-factors.activations.sum(axis=0), kind="stable")]
    model = factors.activations @ factors.spectra + _TINY
    stems = np.empty((len(groups), *y.shape), dtype=np.float32)
    for stem, group in zip(stems[:-1], groups, strict=False):
        part = factors.activations[:, group] @ factors.spectra[group] / model
        stem[...] = istft(D * part, n_fft, hop_length, y.shape[1])
    stems[-1] = y - stems[:-1].sum(axis=0)
    return stems

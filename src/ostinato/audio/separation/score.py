"""How well a separated part matches the true one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UsageError

_EPSILON = np.finfo(np.float64).eps


def si_sdr(reference: npt.ArrayLike, estimate: npt.ArrayLike) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, higher is better; both signals `(n,)` or `(channels, n)`.

    Le Roux, Wisdom, Erdogan and Hershey, "SDR – half-baked or well done?", ICASSP 2019: no scaling of `estimate`
    changes it. Means are not removed. A silent estimate, or one at right angles to the reference, has minus infinity; an
    exact one has some 310 dB. Raises UsageError where the shapes differ or the reference is silent.

    >>> round(si_sdr([1.0, 0.0, -1.0], [2.0, 1.0, -2.0]), 2)
    9.03
    """
    s, e = (np.asarray(each, dtype=np.float64) for each in (reference, estimate))
    if s.shape != e.shape:
        raise UsageError(f"si_sdr compares signals of one shape; got {s.shape} and {e.shape}")
    energy = float(np.vdot(s, s))
    if energy == 0:
        raise UsageError("si_sdr needs a reference that is not silent")
    target = (float(np.vdot(e, s)) / energy) * s
    noise = e - target
    wanted, unwanted = float(np.vdot(target, target)), float(np.vdot(noise, noise))
    if wanted == 0:
        return -math.inf
    return 10 * math.log10(wanted / (unwanted + _EPSILON**2 * wanted))

"""Learning calibrators on out-of-fold probabilities, and choosing one by cross-validated log loss.

Platt's map is the beta map with equal slopes. Nothing here is needed to apply a calibrator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ostinato.core.errors import UsageError
from ostinato.ensemble.calibrators import (
    Beta,
    Calibrator,
    Dirichlet,
    Identity,
    Isotonic,
    Temperature,
    Vector,
    logits,
    shares,
)
from ostinato.ensemble.reliability import checked_codes, checked_probabilities, expected_calibration_error, log_losses
from ostinato.features.folds import folds_for

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
_PRIOR = 1.0  # weight, in rows, of the belief that nothing has to be changed; keeps separable data finite
_MOST_CLASSES = 30  # for the k × k matrix
_BINARY = 2
_FEWEST = 20  # rows or groups below which nothing but the identity is considered
_Fit = Callable[[Array, Codes], Calibrator]


@dataclass(frozen=True)
class Calibration:
    """The calibrator chosen, and what is known of each: mean out-of-fold log loss, gain over the identity and its error."""

    calibrator: Calibrator
    table: tuple[Mapping[str, Any], ...]  # kind, log_loss, gain, standard_error, simplest first
    ece: tuple[float, float]  # expected calibration error before and after, out of fold

    def to_dict(self) -> dict[str, Any]:
        """What JSON keeps of the map alone."""
        return self.calibrator.to_dict()


def fitted(
    p: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    kinds: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Calibration:
    """Choose the calibrator of `p (n, k)` for codes `y (n,)` by cross-validated log loss; whole `groups` stay in one fold.

    Of the kinds whose loss is within one standard error of the least the simplest is taken, and the identity stays unless the
    gain over it exceeds one standard error (Breiman et al. 1984); errors count groups, not rows, where groups are given.
    `p` has to be out of fold: models that saw the answers look surer than they are.
    """
    held = checked_probabilities(p)
    codes = checked_codes(y, *held.shape)
    makers = _makers(held.shape[1], kinds)
    units = (
        np.arange(len(codes)) if groups is None else np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    )
    if len(units) != len(codes):
        raise UsageError(f"groups has {len(units)} entries for {len(codes)} rows; give one a row")
    plain = log_losses(held, codes)
    n_units = len(np.unique(units))
    table: list[Mapping[str, Any]] = [_row("identity", plain, plain, units)]
    outs: dict[str, Array] = {"identity": held}
    if n_units >= _FEWEST and len(np.unique(codes)) >= _BINARY:
        number = folds_for("multiclass", codes, units, folds=min(folds, n_units), seed=seed).fold
        for kind, make in makers.items():
            out = np.empty_like(held)
            for fold in np.unique(number):
                test = number == fold
                out[test] = make(held[~test], codes[~test])(held[test])
            outs[kind] = out
            table.append(_row(kind, log_losses(out, codes), plain, units))
    chosen = _chosen(table, {kind: log_losses(out, codes) for kind, out in outs.items()}, units)
    calibrator = Identity() if chosen == "identity" else makers[chosen](held, codes)
    before, after = (expected_calibration_error(each, codes) if len(codes) else 0.0 for each in (held, outs[chosen]))
    return Calibration(calibrator, tuple(table), (before, after))


def _chosen(table: Sequence[Mapping[str, Any]], losses: Mapping[str, Array], units: Codes) -> str:
    best = str(min(table, key=lambda row: row["log_loss"])["kind"])
    for row in table:  # simplest first
        kind = str(row["kind"])
        gain, error = gain_of(losses[best], losses[kind], units)
        if kind == best or gain <= error:
            return kind
    return best


def gain_of(losses: Array, other: Array, units: Codes) -> tuple[float, float]:
    """Mean of `other − losses`, and its standard error over whole units, paired by row."""
    n = max(len(losses), 1)
    gain = float((other - losses).mean()) if len(losses) else 0.0
    _, place = np.unique(units, return_inverse=True)
    sums = np.bincount(place, weights=other - losses - gain) if len(losses) else np.zeros(0)
    count = len(sums)
    error = float(np.sqrt((sums**2).sum() * count / (count - 1)) / n) if count > 1 else np.inf
    return gain, error


def _row(kind: str, losses: Array, plain: Array, units: Codes) -> Mapping[str, Any]:
    gain, error = gain_of(losses, plain, units)
    mean = float(losses.mean()) if len(losses) else 0.0
    return {"kind": kind, "log_loss": mean, "gain": gain, "standard_error": error}


def _makers(k: int, kinds: Sequence[str] | None) -> dict[str, _Fit]:
    known: dict[str, _Fit] = {"temperature": temperature}
    known |= {"platt": platt, "beta": beta} if k == _BINARY else {"vector": vector}
    if _BINARY < k <= _MOST_CLASSES:
        known["dirichlet"] = dirichlet
    known["isotonic"] = isotonic
    wanted = [*known] if kinds is None else [each for each in kinds if each != "identity"]
    if unknown := sorted(set(wanted) - set(known)):
        raise UsageError(f"calibrators {', '.join(unknown)} do not exist for {k} classes; there are {', '.join(known)}")
    return {kind: make for kind, make in known.items() if kind in wanted}


def temperature(p: Array, y: Codes) -> Calibrator:
    """The temperature of least log loss."""
    z = logits(p)
    (scale,) = _minimised(lambda t: (t[0] * z, lambda g: np.array([(g * z).sum()])), np.ones(1), y, [(0.05, 20.0)])
    return Temperature(float(1 / scale))


def platt(p: Array, y: Codes) -> Calibrator:
    """A slope and an offset of the log odds of the second of two classes (Platt 1999)."""
    odds = logits(p) @ np.array([-1.0, 1.0])

    def margins(t: Array) -> tuple[Array, Callable[[Array], Array]]:
        return _second(t[0] * odds + t[1]), lambda g: np.array([g[:, 1] @ odds, g[:, 1].sum()])

    slope, offset = _minimised(margins, np.array([1.0, 0.0]), y, [(0.0, None), (None, None)])
    return Beta(float(slope), float(slope), float(offset))


def beta(p: Array, y: Codes) -> Calibrator:
    """Two slopes ≥ 0 and an offset, for the second of two classes."""
    z = logits(p)
    sides = np.column_stack([z[:, 1], -z[:, 0], np.ones(len(z))])
    bounds = [(0.0, None), (0.0, None), (None, None)]
    a, b, c = _minimised(
        lambda t: (_second(sides @ t), lambda g: g[:, 1] @ sides), np.array([1.0, 1.0, 0.0]), y, bounds
    )
    return Beta(float(a), float(b), float(c))


def vector(p: Array, y: Codes) -> Calibrator:
    """A scale ≥ 0 and an offset a class."""
    z, k = logits(p), p.shape[1]

    def margins(t: Array) -> tuple[Array, Callable[[Array], Array]]:
        return z * t[:k] + t[k:], lambda g: np.concatenate([(g * z).sum(axis=0), g.sum(axis=0)])

    start = np.concatenate([np.ones(k), np.zeros(k)])
    best = _minimised(margins, start, y, [(0.0, None)] * k + [(None, None)] * k)
    return Vector(tuple(best[:k].tolist()), tuple(best[k:].tolist()))


def dirichlet(p: Array, y: Codes) -> Calibrator:
    """A `(k, k)` matrix and offsets, drawn to the identity."""
    z, k = logits(p), p.shape[1]

    def margins(t: Array) -> tuple[Array, Callable[[Array], Array]]:
        matrix = t[: k * k].reshape(k, k)
        return z @ matrix.T + t[k * k :], lambda g: np.concatenate([(g.T @ z).ravel(), g.sum(axis=0)])

    best = _minimised(margins, np.concatenate([np.eye(k).ravel(), np.zeros(k)]), y, None)
    return Dirichlet(tuple(map(tuple, best[: k * k].reshape(k, k).tolist())), tuple(best[k * k :].tolist()))


def isotonic(p: Array, y: Codes) -> Calibrator:
    """A rising curve a class; equal probabilities are one point, and no curve promises what `n` rows cannot show."""
    of = [1] if p.shape[1] == _BINARY else range(p.shape[1])
    return Isotonic(tuple(_curve(p[:, c], y == c) for c in of))


def _curve(x: Array, hit: NDArray[np.bool_]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from scipy.optimize import isotonic_regression

    at, place, rows = np.unique(x, return_inverse=True, return_counts=True)
    fit = isotonic_regression(np.bincount(place, weights=hit) / rows, weights=rows)
    value = np.clip(fit.x, 1 / (len(x) + 2), 1 - 1 / (len(x) + 2))
    edge = np.ones(len(at), dtype=bool)  # of a level stretch only the two ends are kept
    edge[1:-1] = (np.diff(value)[:-1] != 0) | (np.diff(value)[1:] != 0)
    return tuple(at[edge].tolist()), tuple(value[edge].tolist())


def _second(margin: Array) -> Array:
    return np.column_stack([np.zeros(len(margin)), margin])


def _minimised(
    margins: Callable[[Array], tuple[Array, Callable[[Array], Array]]], start: Array, y: Codes, bounds: Any
) -> Array:
    """Parameters of least mean log loss, and a pull to `start` that weighs as much as `_PRIOR` rows."""
    from scipy.optimize import minimize

    rows = np.arange(len(y))

    def loss(t: Array) -> tuple[float, Array]:
        raw, back = margins(t)
        p = shares(raw)
        value = log_losses(p, y).sum() + _PRIOR * 0.5 * ((t - start) ** 2).sum()
        p[rows, y] -= 1
        return float(value) / len(y), (back(p) + _PRIOR * (t - start)) / len(y)

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    return np.asarray(found.x, dtype=np.float64)

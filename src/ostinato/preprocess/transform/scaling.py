"""Numbers scaled: scikit-learn finds the values, and they are applied, undone and written from JSON."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.goal import Goal
from ostinato.preprocess.transform.spec import Log, MinMax, Robust
from ostinato.preprocess.transform.table import Table

if TYPE_CHECKING:
    from ostinato.preprocess.transform.graph import Graph

Array = NDArray[np.float64]
_LARGE = 1e100  # beyond it squares overflow
_EDGE = 1e-7  # ranks are kept within it of 0 and 1, as in scikit-learn's QuantileTransformer


class Scaled(Block):
    """(x - centre) / scale; gaps stay gaps, and a constant column becomes 0."""

    kinds = ("standard", "minmax", "robust", "log")
    invertible = True

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """Centre and scale; both are neutral for a column without a value."""
        values = table.numbers(columns[0])
        if isinstance(spec, Log):
            values = _log(values)
        if np.isnan(values).all() or (isinstance(spec, Log) and not spec.standardise):
            return {"centre": 0.0, "scale": 1.0}
        centre, scale = _centre_and_scale(spec, values[:, None])
        return {"centre": float(centre), "scale": float(scale)}

    def apply(self, table: Table) -> Array:
        """Scaled values `(n, 1)`."""
        values = table.numbers(self.columns[0])
        values = _log(values) if isinstance(self.spec, Log) else values
        out: Array = ((values - self.learnt["centre"]) / self.learnt["scale"])[:, None]
        return out

    def invert(self, values: Array) -> Any:
        """The numbers before."""
        before = values[:, 0] * self.learnt["scale"] + self.learnt["centre"]
        return np.sign(before) * np.expm1(np.abs(before)) if isinstance(self.spec, Log) else before

    def write(self, graph: Graph) -> str:
        """Subtract and divide."""
        x = graph.number(self.columns[0])
        if isinstance(self.spec, Log):
            x = graph.op("Mul", graph.op("Sign", x), graph.log1p(graph.op("Abs", x)))
        return graph.op(
            "Div", graph.op("Sub", x, graph.constant(self.learnt["centre"])), graph.constant(self.learnt["scale"])
        )


class Kept(Block):
    """The column as it is; words stay words."""

    kinds = ("keep",)
    invertible = True

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """Whether it holds numbers."""
        try:
            table.numbers(columns[0])
        except UsageError:
            return {"numeric": False}
        return {"numeric": True}

    @property
    def numeric(self) -> bool:  # type: ignore[override]
        """Whether its output is a number."""
        return bool(self.learnt["numeric"])

    def apply(self, table: Table) -> Any:
        """The values `(n, 1)`."""
        if self.numeric:
            return table.numbers(self.columns[0])[:, None]
        return table.column(self.columns[0]).to_numpy(dtype=object)[:, None]

    def invert(self, values: Array) -> Any:
        """The same."""
        return values[:, 0]

    def write(self, graph: Graph) -> str:
        """Numbers pass."""
        return graph.number(self.columns[0]) if self.numeric else super().write(graph)


class Ranked(Block):
    """The share of training rows below, straight between the quantiles kept, as a uniform or a normal variable."""

    kinds = ("quantile",)
    invertible = True
    exact = False

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """The quantiles at evenly spaced shares."""
        from sklearn.preprocessing import QuantileTransformer

        values = table.numbers(columns[0])
        stated = int(np.isfinite(values).sum())
        if not stated:
            return {"quantiles": [0.0, 0.0]}
        n = max(2, min(spec.most, stated))
        own = QuantileTransformer(n_quantiles=n, subsample=None).fit(
            np.repeat(values, 2 if stated == 1 else 1)[:, None]
        )
        return {"quantiles": own.quantiles_[:, 0].tolist()}

    @cached_property
    def _quantiles(self) -> Array:
        return np.asarray(self.learnt["quantiles"], dtype=np.float64)

    @cached_property
    def _shares(self) -> Array:
        return np.linspace(0, 1, len(self._quantiles))

    def apply(self, table: Table) -> Array:
        """Ranks `(n, 1)`; where training values are equal, the middle of their ranks."""
        values = table.numbers(self.columns[0])
        upward = np.interp(values, self._quantiles, self._shares)
        downward = -np.interp(-values, -self._quantiles[::-1], -self._shares[::-1])
        share = np.where(np.isnan(values), np.nan, 0.5 * (upward + downward))
        share = np.where(values <= self._quantiles[0], 0.0, np.where(values >= self._quantiles[-1], 1.0, share))
        if self._quantiles[0] == self._quantiles[-1]:
            share = np.where(np.isnan(values), np.nan, np.where(values == self._quantiles[0], 0.5, share))
        if self.spec.output == "normal":
            share = special.ndtri(np.clip(share, _EDGE, 1 - _EDGE))
        return share[:, None]

    def invert(self, values: Array) -> Any:
        """The value at a rank; what lies beyond the training values is lost."""
        share = special.ndtr(values[:, 0]) if self.spec.output == "normal" else values[:, 0]
        return np.where(np.isnan(share), np.nan, np.interp(share, self._shares, self._quantiles))

    def write(self, graph: Graph) -> str:
        """Look up among the quantiles, from below and from above."""
        x = graph.number(self.columns[0])
        first, last = graph.constant(self._quantiles[0]), graph.constant(self._quantiles[-1])
        inside = graph.op("Min", graph.op("Max", x, first), last)
        upward = graph.interpolated(inside, self._quantiles, self._shares)
        mirrored = graph.interpolated(graph.op("Neg", inside), -self._quantiles[::-1], -self._shares[::-1])
        share = graph.op("Mul", graph.op("Sub", upward, mirrored), graph.constant(0.5))
        zero, one = graph.constant(0.0), graph.constant(1.0)
        share = graph.op("Where", graph.op("GreaterOrEqual", x, last), one, share)
        share = graph.op("Where", graph.op("LessOrEqual", x, first), zero, share)
        if self._quantiles[0] == self._quantiles[-1]:
            share = graph.op("Where", graph.op("Equal", x, first), graph.constant(0.5), share)
        if self.spec.output == "normal":
            edged = graph.op("Min", graph.op("Max", share, graph.constant(_EDGE)), graph.constant(1 - _EDGE))
            share = graph.normal_quantile(edged)
        return graph.op("Where", graph.op("IsNaN", x), graph.constant(np.nan), share)


class Powered(Block):
    """Yeo and Johnson's power, standardised."""

    kinds = ("power",)
    invertible = True

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """The power by greatest likelihood, then centre and scale."""
        from sklearn.preprocessing import PowerTransformer

        values = table.numbers(columns[0])
        stated = values[~np.isnan(values)]
        power = 1.0
        # an optimiser may run into overflow on extreme values and comes back; with one value there is nothing to fit
        with np.errstate(all="ignore"):
            if len(np.unique(stated)) > 1:
                fitted = float(PowerTransformer(standardize=False).fit(stated[:, None]).lambdas_[0])
                power = fitted if np.isfinite(_yeo_johnson(stated, fitted)).all() else 1.0
        if not len(stated):
            return {"power": power, "centre": 0.0, "scale": 1.0}
        from ostinato.preprocess.transform.spec import Standard

        centre, scale = _centre_and_scale(Standard(), _yeo_johnson(stated, power)[:, None])
        return {"power": power, "centre": float(centre), "scale": float(scale)}

    def apply(self, table: Table) -> Array:
        """Powered values `(n, 1)`."""
        values = _yeo_johnson(table.numbers(self.columns[0]), self.learnt["power"])
        out: Array = ((values - self.learnt["centre"]) / self.learnt["scale"])[:, None]
        return out

    def invert(self, values: Array) -> Any:
        """The numbers before; NaN beyond what the power can reach."""
        return _yeo_johnson_back(values[:, 0] * self.learnt["scale"] + self.learnt["centre"], self.learnt["power"])

    def write(self, graph: Graph) -> str:
        """Both branches, and the one that the sign asks for."""
        x, power = graph.number(self.columns[0]), self.learnt["power"]
        zero = graph.constant(0.0)
        above = graph.powered(graph.op("Max", x, zero), power)
        below = graph.op("Neg", graph.powered(graph.op("Neg", graph.op("Min", x, zero)), 2 - power))
        y = graph.op("Where", graph.op("GreaterOrEqual", x, zero), above, below)
        y = graph.op("Where", graph.op("IsNaN", x), graph.constant(np.nan), y)
        return graph.op(
            "Div", graph.op("Sub", y, graph.constant(self.learnt["centre"])), graph.constant(self.learnt["scale"])
        )


def _centre_and_scale(spec: Any, values: Array) -> tuple[float, float]:
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    most = float(np.nanmax(np.abs(values)))
    unit = most if most > _LARGE else 1.0
    if isinstance(spec, Robust):
        robust = RobustScaler(quantile_range=(spec.low, spec.high)).fit(values / unit)
        centre, scale = robust.center_[0], robust.scale_[0]
    elif isinstance(spec, MinMax):
        bounds = MinMaxScaler().fit(values / unit)
        centre, scale = bounds.data_min_[0], 1 / bounds.scale_[0]
    else:
        scaler = StandardScaler().fit(values / unit)
        centre, scale = scaler.mean_[0], scaler.scale_[0]
    return centre * unit, scale * unit


def _log(values: Array) -> Array:
    out: Array = np.sign(values) * np.log1p(np.abs(values))
    return out


def _yeo_johnson(x: Array, power: float) -> Array:
    # Yeo & Johnson 2000, equation 2.1
    above, below = np.maximum(x, 0), np.maximum(-x, 0)
    out: Array = np.where(x >= 0, _box_cox(above, power), -_box_cox(below, 2 - power))
    return np.where(np.isnan(x), np.nan, out)


def _yeo_johnson_back(y: Array, power: float) -> Array:
    above, below = np.maximum(y, 0), np.maximum(-y, 0)
    out: Array = np.where(y >= 0, _box_cox_back(above, power), -_box_cox_back(below, 2 - power))
    return np.where(np.isnan(y), np.nan, out)


def _box_cox(x: Array, power: float) -> Array:
    if abs(power) < np.spacing(1.0):
        return np.log1p(x)
    out: Array = np.expm1(power * np.log1p(x)) / power
    return out


def _box_cox_back(y: Array, power: float) -> Array:
    if abs(power) < np.spacing(1.0):
        return np.expm1(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Array = np.expm1(np.log1p(power * y) / power)
    return out

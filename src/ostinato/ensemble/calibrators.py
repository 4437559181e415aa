"""Maps from probabilities to calibrated ones: data that NumPy alone applies and JSON alone carries.

Each takes and gives `(n, k)` rows that sum to one; `fitted` in `ostinato.ensemble.calibration` learns and chooses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import ArtefactError
from ostinato.ensemble.temperature import tempered

Array = NDArray[np.float64]
SMALLEST = 1e-12  # probabilities are kept that far from 0 and 1 before their logarithm is taken
_BINARY = 2


class Calibrator(Protocol):
    """A map of probabilities `(n, k)`."""

    kind: ClassVar[str]

    def __call__(self, p: Array) -> Array:
        """The calibrated probabilities `(n, k)`."""

    def to_dict(self) -> dict[str, Any]:
        """What JSON keeps."""


class _Data:
    """Turns a frozen dataclass of numbers and tuples into JSON."""

    kind: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """What JSON keeps: the kind and its numbers."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


def logits(p: Array) -> Array:
    """Logarithms of probabilities, finite."""
    return np.log(np.clip(p, SMALLEST, 1.0))


def shares(margins: Array) -> Array:
    """Softmax of `(n, k)` margins."""
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Identity(_Data):
    """Probabilities as they are."""

    kind: ClassVar[str] = "identity"

    def __call__(self, p: Array) -> Array:
        """The probabilities unchanged."""
        return p


@dataclass(frozen=True)
class Temperature(_Data):
    """One number for all classes (Guo et al. 2017); the likeliest class stays."""

    temperature: float
    kind: ClassVar[str] = "temperature"

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"a temperature is above 0, not {self.temperature}")

    def __call__(self, p: Array) -> Array:
        """Above one less sure, below one surer."""
        return tempered(p, self.temperature)


@dataclass(frozen=True)
class Beta(_Data):
    """`σ(a·ln p − b·ln(1−p) + c)` of the second of two classes (Kull, Silva Filho & Flach 2017); Platt's map where a = b."""

    a: float
    b: float
    c: float
    kind: ClassVar[str] = "beta"

    def __call__(self, p: Array) -> Array:
        """Probabilities `(n, 2)`."""
        _width(p, _BINARY, self.kind)
        z = logits(p)
        margin = self.a * z[:, 1] - self.b * z[:, 0] + self.c
        return shares(np.column_stack([np.zeros(len(p)), margin]))


@dataclass(frozen=True)
class Vector(_Data):
    """A scale and an offset for each class's logarithm (vector scaling, Guo et al. 2017)."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    kind: ClassVar[str] = "vector"

    def __post_init__(self) -> None:
        if len(self.scale) != len(self.offset):
            raise ValueError(f"{len(self.scale)} scales and {len(self.offset)} offsets")

    def __call__(self, p: Array) -> Array:
        """Probabilities `(n, k)`."""
        _width(p, len(self.scale), self.kind)
        return shares(logits(p) * np.asarray(self.scale) + np.asarray(self.offset))


@dataclass(frozen=True)
class Dirichlet(_Data):
    """A matrix and offsets over all classes' logarithms (Kull et al. 2019), learnt near to the identity."""

    matrix: tuple[tuple[float, ...], ...]
    offset: tuple[float, ...]
    kind: ClassVar[str] = "dirichlet"

    def __post_init__(self) -> None:
        if np.shape(self.matrix) != (len(self.offset), len(self.offset)):
            raise ValueError(f"a matrix {np.shape(self.matrix)} for {len(self.offset)} classes")

    def __call__(self, p: Array) -> Array:
        """Probabilities `(n, k)`."""
        _width(p, len(self.offset), self.kind)
        return shares(logits(p) @ np.asarray(self.matrix).T + np.asarray(self.offset))


@dataclass(frozen=True)
class Isotonic(_Data):
    """A rising curve through knots for each class, rows scaled to one afterwards; for two classes one curve."""

    knots: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]  # (from, to) a class, or of the second of two
    kind: ClassVar[str] = "isotonic"

    def __post_init__(self) -> None:
        for at, value in self.knots:
            if not at or (np.diff(at) < 0).any() or (np.diff(value) < 0).any() or not 0 < min(value) <= max(value) <= 1:
                raise ValueError("knots that do not rise within 0 … 1")

    def __call__(self, p: Array) -> Array:
        """Probabilities `(n, k)`."""
        if len(self.knots) == 1:
            _width(p, _BINARY, self.kind)
            second = np.interp(p[:, 1], *self.knots[0])
            return np.column_stack([1 - second, second])
        _width(p, len(self.knots), self.kind)
        each = np.column_stack([np.interp(p[:, c], *curve) for c, curve in enumerate(self.knots)])
        return np.asarray(each / each.sum(axis=1, keepdims=True))


def calibrator_from_dict(state: Mapping[str, Any]) -> Calibrator:
    """The map that `to_dict` wrote; raises ArtefactError where the state is none.

    >>> calibrator_from_dict({"kind": "temperature", "temperature": 1.0})(np.array([[0.8, 0.2]])).tolist()
    [[0.8, 0.2]]
    """
    kinds: dict[str, Any] = {each.kind: each for each in (Identity, Temperature, Beta, Vector, Dirichlet, Isotonic)}
    values = {name: _frozen(value) for name, value in state.items() if name != "kind"}
    if not (made := kinds.get(str(state.get("kind")))):
        raise ArtefactError(f"calibrator kind {state.get('kind')!r} is unknown; known are {', '.join(kinds)}")
    try:
        found: Calibrator = made(**values)
        k = {"vector": len(values.get("scale", ())), "dirichlet": len(values.get("offset", ()))}.get(found.kind, 0)
        if found.kind == "isotonic":
            k = max(len(values["knots"]), _BINARY)
        k = k or _BINARY
        probe = found(np.full((1, k), 1 / k))
    except (TypeError, ValueError, IndexError) as error:
        raise ArtefactError(f"calibrator {state.get('kind')!r} does not hold what it needs: {error}") from error
    if probe.shape != (1, k) or not np.isfinite(probe).all():
        raise ArtefactError(f"calibrator {state.get('kind')!r} gives no probabilities; make it anew")
    return found


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list | tuple) else value


def _width(p: Array, k: int, kind: str) -> None:
    if p.ndim != 2 or p.shape[1] != k:  # noqa: PLR2004
        raise ArtefactError(f"the {kind} calibrator was made for {k} classes, got probabilities of shape {p.shape}")

"""`RedundancySelector`: relevant columns, without those that the chosen ones already tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from ostinato.core.errors import UsageError
from ostinato.features.selection.matrix import Matrix
from ostinato.features.selection.selector import Array, Judged, Problem, Reason, Selector

Codes = NDArray[np.int64]
_ROWS_PER_CELL = 8  # of the cube of bins of column, chosen column and target
_MOST_BINS = 8
_MOST_LEVELS = 20


class RedundancySelector(Selector):
    """Minimum redundancy, maximum relevance (Peng 2005): columns one by one, each with the greatest information on the target less
    its mean information on those chosen (`difference`), or their quotient (`quotient`), in bins of equal share.

    With `most` so many are chosen, and their order is `order_`. Without, a column goes that tells nothing of the target (G test at
    `alpha`, corrected for the number of columns), or that beside one chosen column tells no more than chance, or less than
    `fresh` of what it tells alone.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 3))
    >>> X[:, 1] = X[:, 0] + 0.01 * rng.normal(size=500)
    >>> RedundancySelector().fit(X, X[:, 0] + X[:, 2]).get_support().sum()
    np.int64(2)
    """

    def __init__(
        self, most: int | None = None, criterion: str = "difference", alpha: float = 0.05, fresh: float = 0.25,
        problem: Problem = "auto", random_state: int = 0,
    ) -> None:  # fmt: skip
        self.most = most
        self.criterion = criterion
        self.alpha = alpha
        self.fresh = fresh
        self.problem = problem
        self.random_state = random_state

    def _check(self) -> None:
        super()._check()
        if self.criterion not in {"difference", "quotient"}:
            raise UsageError(f"criterion={self.criterion!r} is neither 'difference' nor 'quotient'")
        if self.most is not None and (
            isinstance(self.most, bool) or not isinstance(self.most, int | np.integer) or self.most < 1
        ):
            raise UsageError(f"most={self.most!r} has to be a whole number of at least 1, or None")
        if not 0 < self.alpha < 1 or not 0 <= self.fresh < 1:
            raise UsageError(
                f"alpha={self.alpha!r} has to be between 0 and 1, and fresh={self.fresh!r} from 0 to below 1"
            )

    def _judge(self, matrix: Matrix, y: Array, groups: NDArray[np.int64] | None) -> Judged:
        bins = int(np.clip((len(y) / _ROWS_PER_CELL) ** (1 / 3), 2, _MOST_BINS))
        codes = [_binned(matrix.filled[:, j], bins, bool(matrix.discrete[j])) for j in range(len(matrix.names))]
        goal = y.astype(np.int64) if self.is_classification_ else _binned(y, bins, False)
        width = len(codes)
        tests = [_told(code, goal) for code in codes]
        relevance = np.array([nats for nats, _ in tests])
        judged: Judged = {}
        left = list(range(width))
        if self.most is None:
            for j, (nats, p) in enumerate(tests):
                if p * width > self.alpha:
                    left.remove(j)
                    judged[j] = Reason(
                        False,
                        f"it tells nothing of the target that chance would not ({nats:.4g} nats, p = {p:.2g})",
                        {"information": nats, "p": p},
                    )
        return judged | self._chosen(codes, goal, relevance, left, matrix.names)

    def _chosen(
        self, codes: list[Codes], goal: Codes, relevance: Array, left: list[int], names: tuple[str, ...]
    ) -> Judged:
        judged: Judged = {}
        shared = np.zeros(len(codes))
        self.order_: list[str] = []
        kept: list[int] = []
        while left and (self.most is None or len(kept) < self.most):
            redundancy = shared[left] / max(len(kept), 1)
            score = (
                relevance[left] - redundancy
                if self.criterion == "difference"
                else relevance[left] / (redundancy + 1e-9)
            )
            best = left[int(np.argmax(score))] if kept else left[int(np.argmax(relevance[left]))]
            figures = {"information": float(relevance[best]), "redundancy": float(shared[best] / max(len(kept), 1))}
            left.remove(best)
            if self.most is None and (why := self._repeated(codes, goal, relevance, best, kept, names)):
                judged[best] = Reason(False, why, figures)
                continue
            told, known = figures["information"], figures["redundancy"]
            words = f"number {len(kept) + 1}: {told:.4g} nats on the target, {known:.4g} on those before it"
            judged[best] = Reason(True, words, figures)
            kept.append(best)
            self.order_.append(names[best])
            for j in left:
                shared[j] += _told(codes[j], codes[best])[0]
        for j in left:
            words = f"{self.most} others come before it"
            judged[j] = Reason(
                False, words, {"information": float(relevance[j]), "redundancy": float(shared[j] / max(len(kept), 1))}
            )
        return judged

    def _repeated(
        self, codes: list[Codes], goal: Codes, relevance: Array, own: int, kept: list[int], names: tuple[str, ...]
    ) -> str:  # fmt: skip
        """Why a column is redundant, empty where it is not."""
        for other in kept:
            beside, p = _told(codes[own], goal, codes[other])
            if p > self.alpha or beside < self.fresh * relevance[own]:
                return (
                    f"{names[other]} tells it: {relevance[own]:.4g} nats on the target alone, {max(beside, 0.0):.4g} beside that "
                    f"column (p = {p:.2g})"
                )
        return ""


def _binned(values: Array, bins: int, discrete: bool) -> Codes:
    if discrete or len(np.unique(values)) <= bins:
        code = np.unique(values, return_inverse=True)[1]
        return np.minimum(code, _MOST_LEVELS).astype(np.int64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def _told(one: Codes, other: Codes, beside: Codes | None = None) -> tuple[float, float]:
    """Information of two coded columns on each other in nats, within each value of a third, less what chance gives (Miller 1955),
    and the p of its being chance (G test).
    """
    beside = np.zeros(len(one), dtype=np.int64) if beside is None else beside
    shape = (int(beside.max()) + 1, int(one.max()) + 1, int(other.max()) + 1)
    cells = np.bincount((beside * shape[1] + one) * shape[2] + other, minlength=int(np.prod(shape))).reshape(shape)
    rows, columns, whole = (
        cells.sum(axis=2, keepdims=True),
        cells.sum(axis=1, keepdims=True),
        cells.sum(axis=(1, 2), keepdims=True),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(cells > 0, cells * np.log(cells * whole / (rows * columns)), 0.0)
    freedom = int((np.maximum((rows > 0).sum(axis=1) - 1, 0) * np.maximum((columns > 0).sum(axis=2) - 1, 0)).sum())
    nats = float(terms.sum()) / len(one)
    p = float(chi2.sf(2 * len(one) * nats, freedom)) if freedom else 1.0
    return nats - freedom / (2 * len(one)), p

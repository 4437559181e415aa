"""Dynamic selection: each row is told by the members that were right about rows like it.

Ko, Sabourin & Britto 2008 (KNORA); Soares et al. 2006 (DES-KNN); Cruz et al. 2015 (META-DES), in a light form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing

from ostinato.core.errors import UsageError
from ostinato.ensemble.bench import Bench
from ostinato.ensemble.members import Ensemble
from ostinato.ensemble.neighbourhood import Neighbourhood

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
_METHODS = ("knora_u", "knora_e", "des_knn", "meta_des")
_AGREED = 0.5


class DynamicSelectionEnsemble(Ensemble):
    """Members weighed for every row by their out-of-fold competence on its `k` nearest rows; their scores are averaged.

    `method`: `knora_u` (default; members weigh as many votes as neighbours they told right), `knora_e` (only members right on all
    of the largest nearest part of the neighbours), `des_knn` (the more accurate half, and of it the more diverse half),
    `meta_des` (a model of when a member is right, from its record nearby and its confidence). Where no member is competent all
    vote. Of values: weights fall with the squared error nearby; `knora_e` takes the best alone.
    Needs enough rows that neighbours are alike; with dozens of noisy columns greedy voting is the better choice.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> both = [("line", LogisticRegression(max_iter=1000)), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
    >>> DynamicSelectionEnsemble(both).fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        estimators: Sequence[tuple[str, Any]],
        method: str = "knora_u",
        k: int = 9,
        cv: Any = 5,
        random_state: int | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimators = estimators
        self.method = method
        self.k = k
        self.cv = cv
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_options(self) -> None:
        if self.method not in _METHODS or self.k < 1:
            raise UsageError(
                f"method is one of {', '.join(_METHODS)} and k at least 1, got {self.method!r}, k={self.k}"
            )

    def _learn(self, bench: Bench) -> None:
        held = np.flatnonzero(bench.held)
        self.near_ = Neighbourhood(_safe_indexing(bench.X, held))
        scores, y = bench.scores[:, held], bench.y[held]
        self._records(scores, y)
        beside = self.near_.beside(self.k, bench.units[held])
        self.meta_: Any = None
        if self.method == "meta_des" and self.problem_.classes is not None:
            self._taught(beside, scores)
        self.out_of_fold_ = np.full(bench.scores.shape[1:], np.nan)
        self.out_of_fold_[held] = self._mixed(beside, scores)

    def _records(self, scores: Array, y: NDArray[Any]) -> None:
        """How each member did on each row `(n, n_models)`: right or not, or the squared error; a row of 'nothing known' last."""
        if self.problem_.classes is None:
            errors = (scores[:, :, 0] - y).T ** 2
            self._record = np.vstack([errors, errors.mean(axis=0)])
        else:
            right = (scores.argmax(axis=2) == y).T.astype(np.float64)
            self._record = np.vstack([right, np.zeros(right.shape[1])])
        truth = scores[:, :, 0].T if self.problem_.classes is None else scores[:, np.arange(len(y)), y].T
        self._sure = np.vstack([truth, np.zeros(truth.shape[1])])

    def _taught(self, beside: Codes, scores: Array) -> None:
        traits = self._traits(beside, scores)
        target = self._record[:-1].ravel()
        if len(np.unique(target)) < 2:  # noqa: PLR2004
            return
        self._scaler = StandardScaler().fit(traits)
        self.meta_ = LogisticRegression(max_iter=1000).fit(self._scaler.transform(traits), target)

    def _traits(self, near: Codes, scores: Array) -> Array:
        """What is known of a member at a row `(n · n_models, traits)`."""
        record, sure = self._record[near], self._sure[near]
        n, _, models = record.shape
        run = np.cumprod(record, axis=1).sum(axis=1)
        confidence = scores.max(axis=2).T
        same = (scores.argmax(axis=2)[:, None] == scores.argmax(axis=2)[None]).mean(axis=0).T
        columns = [record.mean(axis=1), sure.mean(axis=1), run, record[:, 0], confidence, same]
        one = np.eye(models)[np.tile(np.arange(models), n)]
        return np.hstack([np.stack([each.reshape(-1) for each in columns], axis=1), one])

    def _mixed(self, near: Codes, scores: Array) -> Array:
        """Scores `(n, outputs)` by neighbours `(n, k)` and members' scores `(n_models, n, outputs)`."""
        weights = self._competence(near, scores)
        lost = weights.sum(axis=1) <= 0
        weights[lost] = 1.0
        weights /= weights.sum(axis=1, keepdims=True)
        mixed: Array = np.einsum("nm,mnc->nc", weights, scores)
        return mixed

    def _competence(self, near: Codes, scores: Array) -> Array:
        """Weights `(n, n_models)` ≥ 0; all zero where no member is competent."""
        record = self._record[near]
        if self.problem_.classes is None:
            error = record.mean(axis=1)
            if self.method == "knora_e":
                return np.asarray(np.eye(error.shape[1])[error.argmin(axis=1)])
            return np.asarray(1 / np.maximum(error, 1e-12 + 1e-6 * error.mean()))
        match self.method:
            case "knora_u":
                return np.asarray(record.sum(axis=1))
            case "knora_e":
                run = np.cumprod(record, axis=1).sum(axis=1)
                return np.asarray(((run == run.max(axis=1, keepdims=True)) & (run > 0)).astype(np.float64))
            case "des_knn":
                return _accurate_and_diverse(record)
            case _:
                return self._told(near, scores, record)

    def _told(self, near: Codes, scores: Array, record: Array) -> Array:
        if self.meta_ is None:
            return np.asarray(record.sum(axis=1))
        chance = self.meta_.predict_proba(self._scaler.transform(self._traits(near, scores)))[:, 1].reshape(
            len(near), -1
        )
        return np.asarray(np.where(chance > _AGREED, chance, 0.0))

    def _scores(self, X: Any) -> Array:
        return self._mixed(self.near_.nearest(X, self.k), self._all_scores(X))


def _accurate_and_diverse(record: Array) -> Array:
    """Half of the members by accuracy nearby, and half of those by how seldom they are wrong together (double fault)."""
    models = record.shape[2]
    accurate, diverse = -(-models // 2), -(-models // 4)
    hits = record.sum(axis=1)
    wrong = 1 - record
    chosen = np.zeros(hits.shape)
    np.put_along_axis(chosen, np.argsort(-hits, axis=1, kind="stable")[:, :accurate], 1.0, axis=1)
    together = np.einsum("nkm,nkj,nj->nm", wrong, wrong, chosen) - wrong.sum(axis=1)
    together[chosen == 0] = np.inf
    kept = np.zeros(hits.shape)
    np.put_along_axis(kept, np.argsort(together, axis=1, kind="stable")[:, : max(diverse, 1)], 1.0, axis=1)
    found: Array = kept * (hits > 0)
    return found

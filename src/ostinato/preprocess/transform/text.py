"""Texts as hashed counts of words or letters in a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.goal import Goal
from ostinato.preprocess.transform.table import Table

Array = NDArray[np.float64]


class Texts(Block):
    """scikit-learn's `HashingVectorizer` (MurmurHash3, signed), weighed by inverse document frequency, rows of length 1.

    Gaps and texts without a word are zero.
    """

    kinds = ("text",)

    @classmethod
    def found(cls, spec: Any, columns: tuple[str, ...], table: Table, goal: Goal | None) -> dict[str, Any]:
        """The weight of each hashed column, log((1 + rows) / (1 + rows with it)) + 1 as scikit-learn smooths it."""
        if not spec.idf:
            return {}
        counts = _counted(spec, table.texts(columns[0]))
        rows_with = np.asarray((counts != 0).sum(axis=0)).ravel()
        return {"idf": (np.log((1 + len(table)) / (1 + rows_with)) + 1).tolist()}

    @property
    def names(self) -> tuple[str, ...]:
        """`label~0` and so on."""
        return tuple(f"{self.label}~{place}" for place in range(self.spec.width))

    def apply(self, table: Table) -> Array:
        """Vectors `(n, width)`."""
        counts = np.asarray(_counted(self.spec, table.texts(self.columns[0])).todense(), dtype=np.float64)
        if self.spec.idf:
            counts = counts * np.array(self.learnt["idf"])
        length = np.sqrt((counts**2).sum(axis=1, keepdims=True))
        out: Array = counts / np.where(length > 0, length, 1.0)
        return out


def _counted(spec: Any, texts: list[str]) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        n_features=spec.width,
        analyzer="char_wb" if spec.analyzer == "char" else "word",
        token_pattern=r"(?u)\b\w+\b",  # words of one letter count
        ngram_range=spec.ngrams,
        norm=None,
    )
    return vectorizer.transform(texts)

"""The reference that monitoring compares with: features and predictions of the catalogue that a model was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

PREDICTED, CONFIDENCE = "predicted", "confidence"


def prediction_columns(problem: str) -> tuple[str, str]:
    """The names under which a reference or a batch holds a problem's predicted values and confidences.

    >>> prediction_columns("genre")
    ('genre.predicted', 'genre.confidence')
    """
    return f"{problem}.{PREDICTED}", f"{problem}.{CONFIDENCE}"


def make_reference(
    features: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], rows: int, seed: int
) -> pd.DataFrame:
    """At most `rows` tracks with their features and, where a model was tested on them, its word; sorted by track_id.

    Predictions exist for test rows alone, the only ones on which a model's confidence is honest; they are drawn first.
    """
    joined = features.sort_values("track_id", ignore_index=True)
    tested = pd.Series(False, index=joined.index)
    for problem, table in sorted(predictions.items()):
        predicted, confidence = prediction_columns(problem)
        said = table[["track_id", PREDICTED, CONFIDENCE]]
        said = said.rename(columns={PREDICTED: predicted, CONFIDENCE: confidence})
        joined = joined.merge(said, on="track_id", how="outer" if features.shape[1] == 1 else "left")
        tested = tested.reindex(joined.index, fill_value=False) | joined[confidence].notna()
    if len(joined) <= rows:
        return joined
    order = np.random.default_rng(seed).permutation(len(joined))
    order = order[np.argsort(~tested.to_numpy()[order], kind="stable")]
    return joined.iloc[np.sort(order[:rows])].reset_index(drop=True)


def describe(reference: pd.DataFrame, problems: list[str]) -> dict[str, Any]:
    """JSON-able facts of a reference: rows, features, and per problem the shares of what was predicted."""
    said = {name for problem in problems for name in prediction_columns(problem)}
    facts: dict[str, Any] = {}
    for problem in sorted(problems):
        predicted, confidence = prediction_columns(problem)
        values = reference[predicted].dropna()
        facts[problem] = {
            "rows": len(values),
            "mean_confidence": round(float(reference[confidence].mean()), 6)
            if reference[confidence].notna().any()
            else None,
            "shares": {} if pd.api.types.is_float_dtype(values) else _shares(values),
        }
    return {
        "rows": len(reference),
        "features": [name for name in reference.columns if name != "track_id" and name not in said],
        "problems": facts,
    }


def _shares(values: pd.Series) -> dict[str, float]:
    shares = values.astype(str).value_counts(normalize=True).sort_index()
    return {str(name): round(float(share), 6) for name, share in shares.items()}

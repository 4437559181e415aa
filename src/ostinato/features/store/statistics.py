"""What a write holds, feature by feature: counts, gaps, means, quantiles, the commonest values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_TOP = 10


def statistics_of(table: Any, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """JSON-able statistics of each feature of an Arrow table."""
    return {name: described(table.column(name)) for name in names}


def described(column: Any) -> dict[str, Any]:
    """`count` of rows and `null_share`; numbers: `mean`, `std`, `quantiles` of the finite, `infinite`; moments: `from`, `to`;
    others: `distinct` and `top` values with their counts.

    >>> import pyarrow as pa
    >>> described(pa.array([1.0, 3.0, None, float("inf")]))["mean"]
    2.0
    >>> described(pa.array(["b", "a", "b"]))["top"]
    [['b', 2], ['a', 1]]
    """
    said: dict[str, Any] = {"count": len(column), "null_share": column.null_count / max(len(column), 1)}
    kept = column.drop_null()
    if pa.types.is_floating(kept.type) or pa.types.is_integer(kept.type):
        return said | _numbers(np.asarray(kept, dtype=np.float64))
    if pa.types.is_timestamp(kept.type):
        bounds = pc.min_max(kept).as_py()
        return said | {"from": _iso(bounds["min"]), "to": _iso(bounds["max"])}
    counts = kept.value_counts()
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    top = sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))[:_TOP]
    return said | {"distinct": len(counts), "top": [list(pair) for pair in top]}


def _numbers(values: Any) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {"infinite": len(values), "mean": None, "std": None, "quantiles": {}}
    with np.errstate(over="ignore"):
        mean, std = float(finite.mean()), float(finite.std())
    quantiles = dict(zip(map(str, QUANTILES), map(float, np.quantile(finite, QUANTILES)), strict=True))
    return {
        "infinite": len(values) - len(finite),
        "mean": mean if np.isfinite(mean) else None,
        "std": std if np.isfinite(std) else None,
        "quantiles": quantiles,
    }


def _iso(value: Any) -> str | None:
    return None if value is None else value.isoformat()

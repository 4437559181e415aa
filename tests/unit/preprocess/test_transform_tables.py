"""Any table of any columns: numbers or a stated refusal, the same after JSON, row by row."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ostinato import FeatureTransformer
from ostinato.core.errors import UsageError

NUMBERS = ["standard", "minmax", "robust", "quantile", "power", "log", "keep"]
CATEGORIES = ["onehot", "ordinal", "target", "leave_one_out", "frequency", "hash"]
VALUES = [
    st.floats(-1e6, 1e6) | st.none(),
    st.integers(-(2**40), 2**40),
    st.booleans() | st.none(),
    st.sampled_from(["waltz", "reel", "größe", "", "1"]) | st.none(),
    st.text(max_size=8) | st.none(),
    st.datetimes(pd.Timestamp("1700-01-01").to_pydatetime(), pd.Timestamp("2200-01-01").to_pydatetime()) | st.none(),
    st.floats() | st.integers() | st.text(max_size=3) | st.none() | st.tuples(st.integers(0, 3)),
    st.none(),
]


@st.composite
def tables(draw: Any) -> tuple[pd.DataFrame, dict[str, Any], list[int]]:
    rows = draw(st.integers(1, 12))
    columns, asked = {}, {}
    for place in range(draw(st.integers(1, 4))):
        values = draw(st.lists(draw(st.sampled_from(VALUES)), min_size=rows, max_size=rows))
        columns[f"c{place}"] = pd.Series(values, dtype=object).infer_objects()
        if draw(st.booleans()):
            asked[f"c{place}"] = draw(
                st.lists(st.sampled_from(NUMBERS + CATEGORIES), min_size=1, max_size=3, unique=True)
            )
    return pd.DataFrame(columns), asked, draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables())
def test_any_table_is_read_or_refused(drawn: tuple[pd.DataFrame, dict[str, Any], list[int]]) -> None:
    table, asked, y = drawn
    made = FeatureTransformer(asked)
    try:
        learnt = made.fit_transform(table, y)
    except UsageError:
        event("refused")
        return
    found = made.transform(table)
    assert list(found.columns) == list(learnt.columns) == made.get_feature_names_out().tolist()
    assert found.index.equals(table.index)
    told = json.loads(json.dumps(made.description(), allow_nan=False, sort_keys=True))
    again = FeatureTransformer.from_description(told)
    pd.testing.assert_frame_equal(again.transform(table), found)
    order = np.random.default_rng(0).permutation(len(table))
    pd.testing.assert_frame_equal(made.transform(table.iloc[order]), found.iloc[order], check_dtype=False)
    made.inverse_transform(found, partial=True)

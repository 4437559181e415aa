"""Strings are told apart by their bytes, whatever their length."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.quality.verdicts import text
from ostinato.quality.verdicts.columns import Column
from ostinato.quality.verdicts.unsure import Unsure
from ostinato.quality.verdicts.words import Words

VALUES = st.lists(st.one_of(st.none(), st.text(alphabet="ab\x00é東", max_size=20)), min_size=1, max_size=40)


@given(VALUES, st.sampled_from([0.0, 2.0]))
@settings(max_examples=200, deadline=None)
def test_repeats_are_those_of_pandas_by_either_way(values, often):
    series = pd.Series(values, dtype=object)
    kept, text._OFTEN = text._OFTEN, often
    try:
        mask, number = Column(series).text.repeats
    except Unsure:
        assert any(value is not None and "\x00" in value for value in values)  # pandas ends strings there
        return
    finally:
        text._OFTEN = kept
    assert mask.tolist() == (series.duplicated(keep=False) & series.notna()).tolist()
    assert number == series.nunique()


def test_very_long_strings_are_told_apart(monkeypatch):
    monkeypatch.setattr(text, "_OFTEN", 0.0)
    series = pd.Series(["x" * 600, "y" * 600, None, "x" * 600, "z"], dtype=object)
    mask, number = Column(series).text.repeats
    assert (mask.tolist(), number) == ([True, False, False, True, False], 3)


def test_values_with_one_digest_are_compared(monkeypatch):
    monkeypatch.setattr(text, "_OFTEN", 0.0)
    monkeypatch.setattr(Words, "digests", lambda self: np.zeros(len(self.sizes), dtype=np.uint64))
    with pytest.raises(Unsure):
        Column(pd.Series(["a", "b"], dtype=object)).text.repeats  # noqa: B018


def test_rows_that_share_objects_are_judged_by_those(rng):
    words = np.array(["reel", "jig", None, "Größe", np.nan, "".join(["re", "el"])], dtype=object)  # equal, not the same
    series = pd.Series(rng.choice(words, 10_000), dtype=object)
    shared = Column(series).text
    assert shared.codes is not None
    assert len(shared.strings) == len(words)
    assert shared.filled.tolist() == series.notna().tolist()
    assert shared.among(["reel"]).tolist() == (series == "reel").tolist()
    assert shared.matching("^.e").tolist() == series.str.contains("^.e", na=False).tolist()
    assert shared.lengths.tolist() == series.str.len().fillna(-1).tolist()
    assert shared.different() == {"reel", "jig", "Größe"}
    mask, number = shared.repeats
    assert (mask.tolist(), number) == (series.notna().tolist(), 3)

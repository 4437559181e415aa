"""Strings are told apart by their bytes, whatever their length."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.quality.verdicts import columns
from ostinato.quality.verdicts.columns import Column
from ostinato.quality.verdicts.unsure import Unsure
from ostinato.quality.verdicts.words import Words

VALUES = st.lists(st.one_of(st.none(), st.text(alphabet="ab\x00é東", max_size=20)), min_size=1, max_size=40)


@given(VALUES, st.sampled_from([0, 1024]))
@settings(max_examples=200, deadline=None)
def test_repeats_are_those_of_pandas_by_either_way(values, few):
    series = pd.Series(values, dtype=object)
    kept, columns._FEW = columns._FEW, few
    try:
        mask, number = Column(series).text.repeats
    finally:
        columns._FEW = kept
    assert mask.tolist() == (series.duplicated(keep=False) & series.notna()).tolist()
    assert number == series.nunique()


def test_very_long_strings_are_left_alone():
    text = Column(pd.Series(["x" * 600, "y" * 600], dtype=object)).text
    with pytest.raises(Unsure):
        Words.of(text.array, np.arange(2))


def test_values_with_one_digest_are_compared(monkeypatch):
    monkeypatch.setattr(columns, "_FEW", 0)
    monkeypatch.setattr(Words, "digests", lambda self: np.zeros(len(self.sizes), dtype=np.uint64))
    with pytest.raises(Unsure):
        Column(pd.Series(["a", "b"], dtype=object)).text.repeats  # noqa: B018

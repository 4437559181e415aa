from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ostinato.audio.statistics import STATISTICS, summarise


def test_agrees_with_numpy_and_scipy() -> None:
    x = np.random.default_rng(0).gamma(2.0, size=(5, 300))
    expected = [
        x.mean(1),
        x.std(1),
        x.min(1),
        x.max(1),
        np.median(x, 1),
        scipy.stats.skew(x, 1),
        scipy.stats.kurtosis(x, 1),
    ]
    np.testing.assert_allclose(summarise(x), np.stack(expected, axis=1), rtol=1e-12)


@given(arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 20)), elements=st.floats(-1e6, 1e6, width=32)))
def test_always_finite(x: np.ndarray) -> None:
    assert np.isfinite(summarise(x)).all()


def test_constants_have_no_spread() -> None:
    values = dict(zip(STATISTICS, summarise(np.full(9, 0.1, dtype=np.float32))[0], strict=True))
    assert (values["std"], values["skew"], values["kurtosis"]) == (0, 0, 0)
    assert values["mean"] == pytest.approx(0.1)


def test_unknown_statistic() -> None:
    with pytest.raises(ValueError, match="mode"):
        summarise([1.0], ("mode",))

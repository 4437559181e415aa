"""Our deltas are librosa's."""

from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import pytest

from ostinato.audio.delta import delta, weights
from ostinato.core.errors import UsageError


@pytest.mark.parametrize("mode", ["interp", "nearest", "mirror", "constant", "wrap"])
@pytest.mark.parametrize(
    "options",
    [{}, {"order": 2}, {"width": 3}, {"width": 5, "order": 3}, {"width": 21, "order": 2}, {"axis": 0}, {"axis": 1}],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_librosas_numbers(rng: np.random.Generator, mode: str, options: dict[str, Any], dtype: type) -> None:
    data = (rng.normal(0, 10, (24, 23, 40)) - 300.0).astype(dtype)
    before = data.copy()
    theirs = librosa.feature.delta(data, mode=mode, **options)
    ours = delta(data, mode=mode, **options)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    # librosa fits the ends in the precision of its input: in float32 that rounding is its own
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(data, before)


@pytest.mark.parametrize("mode", ["nearest", "mirror", "constant", "wrap"])
@pytest.mark.parametrize("n", [2, 4, 9])
def test_padding_takes_short_data(rng: np.random.Generator, mode: str, n: int) -> None:
    data = rng.normal(size=(3, n))
    np.testing.assert_allclose(delta(data, mode=mode), librosa.feature.delta(data, mode=mode), atol=1e-12)


def test_one_frame_does_not_move() -> None:
    still = delta(np.full((20, 1), 7.0, dtype=np.float32), mode="nearest")
    np.testing.assert_allclose(still, 0.0, atol=1e-12)


def test_counts_become_floats() -> None:
    np.testing.assert_allclose(delta(np.arange(30) * 3), 3.0)


def test_a_parabola_has_one_second_derivative() -> None:
    np.testing.assert_allclose(delta(np.arange(30.0) ** 2, order=2, width=9), 2.0, atol=1e-9)


def test_weights_of_a_slope() -> None:
    np.testing.assert_allclose(weights(5, 1), np.arange(-2, 3) / 10, atol=1e-15)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"width": 4}, "width=4"),
        ({"width": 1}, "width=1"),
        ({"order": 0}, "order=0"),
        ({"order": 9}, "order=9"),
        ({"mode": "reflect"}, "mode='reflect'"),
        ({"width": 31}, "nearest"),
        ({"polyorder": 3}, "polyorder"),
    ],
)
def test_faults_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        delta(np.zeros((2, 30)), **options)

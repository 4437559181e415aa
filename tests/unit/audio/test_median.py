"""Our running medians are scipy's, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import median_filter

from ostinato.audio import median
from ostinato.audio.median import running_median
from ostinato.core.errors import UsageError

WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 20, 30, 31, 32, 33, 51, 64, 101)


def same(S: np.ndarray, width: int, axis: int) -> None:
    before = S.copy()
    ours = running_median(S, width, axis)
    theirs = median_filter(S, size=(width, 1) if axis % 2 == 0 else (1, width), mode="reflect")
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(S, before)
    assert ours.dtype == S.dtype
    assert ours.flags.f_contiguous == S.flags.f_contiguous


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_any_width(rng: np.random.Generator, width: int, axis: int) -> None:
    same(rng.random((90, 133)).astype(np.float32), width, axis)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (16, 33), (15, 5), (17, 100), (47, 16), (300, 3)])
@pytest.mark.parametrize("axis", [0, 1])
def test_any_shape(rng: np.random.Generator, shape: tuple[int, int], axis: int) -> None:
    # from windows of 8 axes on, scipy reads outside the matrix where an index falls on a multiple of 4 axes
    for width in (w for w in WIDTHS if w < 8 * shape[axis]):
        same(rng.random(shape).astype(np.float32), width, axis)


@pytest.mark.parametrize("axis", [0, 1])
def test_both_layouts_of_a_spectrogram(rng: np.random.Generator, axis: int) -> None:
    S = rng.gamma(0.5, 1.0, (1025, 150)).astype(np.float32)
    S[:, 40:60] = 0.0  # silence: many equal values
    same(S, 31, axis)
    same(np.asfortranarray(S), 31, axis)
    same(S[3::2, ::3], 31, axis)


def test_the_blocks_do_not_show(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    S = rng.random((400, 500)).astype(np.float32)
    whole = running_median(S, 31, 0)
    monkeypatch.setattr(median, "_WIRE", 300)
    monkeypatch.setattr(median, "_FEWEST_COLUMNS", 17)
    np.testing.assert_array_equal(running_median(S, 31, 0), whole)


def test_negative_and_double(rng: np.random.Generator) -> None:
    S = rng.normal(size=(60, 70))
    for typed in (S, S.astype(np.float32)):
        same(typed, 31, 0)
        same(typed, 9, 1)


def test_infinity_and_zeros_of_both_signs() -> None:
    S = np.tile(np.array([0.0, -0.0, np.inf, 1.0, 0.0], dtype=np.float32), (3, 9))
    same(S, 5, 1)


def test_few_calls_an_element() -> None:
    program = median._program(31)
    assert len(program.steps) / program.group < 27


@pytest.mark.parametrize(
    ("S", "width"), [(np.zeros(5), 3), (np.zeros((5, 5), dtype=int), 3), (np.zeros((5, 5)), 0), (np.zeros((5, 5)), -3)]
)
def test_refused(S: np.ndarray, width: int) -> None:
    with pytest.raises(UsageError, match="running_median"):
        running_median(S, width)


def test_empty() -> None:
    assert running_median(np.zeros((0, 4)), 3, 0).shape == (0, 4)

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from ostinato.core.errors import ArtefactError, UsageError
from ostinato.ensemble import calibration
from ostinato.ensemble.calibration import fitted
from ostinato.ensemble.calibrators import Identity, Isotonic, calibrator_from_dict, shares
from ostinato.ensemble.reliability import (
    classwise_calibration_error,
    expected_calibration_error,
    log_losses,
    reliability_table,
)


def honest(rng, n, k, sharpness=1.5):
    """Probabilities, and classes drawn from them."""
    p = shares(sharpness * rng.normal(size=(n, k)))
    return p, (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


def distorted(p, scale):
    return shares(scale * np.log(p))


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("scale", [0.5, 2.5])
def test_distorted_probabilities_are_mended(rng, k, scale):
    p, y = honest(rng, 3000, k)
    wrong = distorted(p, scale)
    made = fitted(wrong, y)
    new, codes = honest(rng, 3000, k)
    mended = made.calibrator(distorted(new, scale))
    assert expected_calibration_error(mended, codes) < 0.04 < expected_calibration_error(distorted(new, scale), codes)
    assert log_losses(mended, codes).mean() < log_losses(distorted(new, scale), codes).mean() - 0.01
    assert made.ece[1] < made.ece[0]
    np.testing.assert_allclose(mended.sum(axis=1), 1)


@pytest.mark.parametrize("seed", range(6))
def test_honest_probabilities_are_hardly_touched(seed):
    p, y = honest(np.random.default_rng(seed), 1500, 3)
    made = fitted(p, y)
    assert np.abs(made.calibrator(p) - p).max() < 0.1
    assert made.calibrator.kind in {"identity", "temperature"}


def test_most_honest_probabilities_keep_the_identity():
    kept = [fitted(*honest(np.random.default_rng(seed), 600, 2)).calibrator.kind == "identity" for seed in range(20)]
    assert sum(kept) >= 14  # a gain of one standard error happens to one in six by chance


def test_a_shifted_class_needs_more_than_a_temperature(rng):
    p, y = honest(rng, 4000, 3)
    made = fitted(shares(np.log(p) + np.array([1.5, 0, -1])), y)
    assert made.calibrator.kind in {"vector", "dirichlet"}
    losses = {row["kind"]: row["log_loss"] for row in made.table}
    assert losses["vector"] < losses["temperature"] - 0.02


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("kind", ["temperature", "platt", "beta", "vector", "dirichlet", "isotonic"])
def test_every_map_survives_json_to_the_last_bit(rng, kind, k):
    if kind in {"platt", "beta"} and k > 2:
        with pytest.raises(UsageError, match="do not exist for 3 classes"):
            fitted(*honest(rng, 50, k), kinds=[kind])
        return
    p, y = honest(rng, 300, k)
    made = getattr(calibration, kind)(p, y)
    again = calibrator_from_dict(json.loads(json.dumps(made.to_dict())))
    extreme = np.vstack([p, np.eye(k)])
    np.testing.assert_array_equal(again(extreme), made(extreme))
    np.testing.assert_allclose(made(extreme).sum(axis=1), 1)
    assert (made(extreme) >= 0).all()


@pytest.mark.parametrize("kind", ["temperature", "platt", "beta", "isotonic", "vector"])
def test_separable_and_tied_rows_stay_finite(kind):
    p = np.repeat([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]], 20, axis=0)
    y = np.repeat([0, 1, 0], 20)
    out = getattr(calibration, kind)(p, y)(np.vstack([p, [[1.0, 0.0]]]))
    assert np.isfinite(out).all()
    assert ((out > 0) & (out < 1)).all() or kind != "isotonic"


def test_equal_probabilities_are_one_point_of_the_curve():
    made = calibration.isotonic(np.repeat([[0.4, 0.6]], 10, axis=0), np.array([1] * 7 + [0] * 3))
    assert isinstance(made, Isotonic)
    assert made(np.array([[0.4, 0.6]]))[0, 1] == pytest.approx(0.7)


def test_groups_are_the_unit_of_evidence(rng):
    p, y = honest(rng, 24, 2, 1.0)
    many = np.repeat(distorted(p, 3.0), 100, axis=0), np.repeat(y, 100)
    alone = fitted(*many)
    together = fitted(*many, groups=np.repeat(np.arange(24), 100))
    assert alone.calibrator.kind != "identity"
    errors = [next(row["standard_error"] for row in made.table if row["kind"] == "platt") for made in (alone, together)]
    assert errors[1] > 3 * errors[0]


@pytest.mark.parametrize(("rows", "y"), [(0, []), (1, [0]), (19, [1, 0] * 9 + [1]), (50, [1] * 50)])
def test_too_little_to_learn_from_keeps_the_identity(rows, y):
    assert fitted(np.full((rows, 2), 0.5), np.array(y, dtype=int)).calibrator == Identity()


@pytest.mark.parametrize(
    ("p", "y", "said"),
    [
        ([[0.5, 0.6]], [0], "first row 0"),
        ([[np.nan, 1.0]], [0], "no probabilities"),
        ([[0.5, 0.5]], [2], "no column"),
        ([[0.5, 0.5]], ["a"], "codes"),
        ([0.5], [0], "(n, k)"),
        ([[0.5, 0.5]], [0, 1], "one code a row"),
    ],
)
def test_what_is_no_probability_is_refused(p, y, said):
    with pytest.raises(UsageError) as error:
        fitted(p, y)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "state",
    [
        {"kind": "magic"},
        {},
        {"kind": "vector", "scale": [1.0, 1.0]},
        {"kind": "vector", "scale": [1.0, 1.0], "offset": [0.0]},
        {"kind": "beta", "a": "x", "b": 1, "c": 0},
        {"kind": "temperature", "temperature": float("nan")},
        {"kind": "temperature", "temperature": -1.0},
        {"kind": "isotonic", "knots": []},
        {"kind": "isotonic", "knots": [[[0.5, 0.1], [0.1, 0.2]]]},
        {"kind": "dirichlet", "matrix": [[1.0]], "offset": [0.0, 0.0]},
    ],
)
def test_a_torn_state_is_refused(state):
    with pytest.raises(ArtefactError):
        calibrator_from_dict(state)


def test_other_classes_than_learnt_are_refused(rng):
    with pytest.raises(ArtefactError, match="made for 3 classes"):
        calibration.vector(*honest(rng, 50, 3))(np.full((1, 4), 0.25))


def test_tables_count_every_row_once(rng):
    p, y = honest(rng, 500, 3)
    for of in (None, 0, 2):
        assert sum(each.rows for each in reliability_table(p, y, 10, of)) == 500
    assert expected_calibration_error(np.eye(2)[[0, 1, 1]], [0, 1, 1]) == 0
    assert expected_calibration_error([[1.0, 0.0], [1.0, 0.0]], [0, 1]) == pytest.approx(0.5)
    assert classwise_calibration_error(p, y, 5) < 0.05 < classwise_calibration_error(distorted(p, 3), y, 5)


def test_applying_needs_numpy_alone():
    code = (
        "import sys; from ostinato.ensemble import calibrators, conformal, reliability, temperature, greedy, online; "
        "print([m for m in ('scipy', 'sklearn', 'pandas', 'onnxruntime', 'joblib') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"

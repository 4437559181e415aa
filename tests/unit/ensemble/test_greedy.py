import numpy as np
import pytest

from ostinato.ensemble.greedy import greedy
from ostinato.ensemble.temperature import fitted_temperature, tempered


def log_loss(y):
    return lambda p: float(-np.log(np.clip(p[np.arange(len(y)), y], 1e-15, 1)).mean())


@pytest.fixture
def models(rng):
    y = rng.integers(0, 3, 300)
    truth = np.eye(3)[y]
    scores = []
    for noise in (1.0, 1.0, 1.0, 4.0):
        raw = np.exp(1.5 * truth + noise * rng.normal(size=truth.shape))
        scores.append(raw / raw.sum(axis=1, keepdims=True))
    return y, scores


def test_a_vote_of_different_models_beats_the_best_of_them(models):
    y, scores = models
    vote = greedy(scores, log_loss(y), rounds=30, max_members=4)
    assert vote.best_single == pytest.approx(min(log_loss(y)(p) for p in scores))
    assert vote.loss < vote.best_single - 0.03
    assert sum(vote.weights) == pytest.approx(1)
    assert vote.weights[3] < min(vote.weights[:3]), "the noisy model must count least"
    mixed = np.tensordot(vote.weights, np.stack(scores), axes=1)
    assert log_loss(y)(mixed) == pytest.approx(vote.loss)


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_members_than_allowed(models, most):
    y, scores = models
    assert np.count_nonzero(greedy(scores, log_loss(y), rounds=30, max_members=most).weights) == most


def test_of_equal_models_the_first_enters_alone(models):
    y, scores = models
    assert greedy([scores[0], scores[0].copy()], log_loss(y), rounds=5, max_members=2).weights == (1.0, 0.0)


def test_no_models_is_an_error():
    with pytest.raises(ValueError, match="at least one model"):
        greedy([], lambda p: 0.0, 3, 3)


def test_temperature_undoes_too_much_and_too_little_confidence(rng):
    y = rng.integers(0, 4, 2000)
    margins = 1.5 * np.eye(4)[y] + rng.gumbel(size=(2000, 4))
    p = tempered(np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True), 1.0)
    best = fitted_temperature(p, y)
    assert fitted_temperature(tempered(p, 0.6), y) == pytest.approx(best / 0.6, rel=0.05)
    np.testing.assert_array_equal(tempered(p, 2.0).argmax(axis=1), p.argmax(axis=1))
    np.testing.assert_allclose(tempered(p, 0.5).sum(axis=1), 1)
    assert log_loss(y)(tempered(p, best)) <= log_loss(y)(p)


def test_zero_probability_stays_finite():
    assert np.isfinite(tempered(np.array([[1.0, 0.0]]), 0.5)).all()

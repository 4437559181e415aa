"""No stream, however chosen, makes the weights lose more than the theorem says."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.errors import UsageError
from ostinato.ensemble.online import BoundedStream, Hedge, LogStream, SquaredStream, best_sequence_loss

ROUNDING = 1e-9


def streams(rng, rows, n):
    """What members say: at random, one that is always right, leaders that turn, all wrong together."""
    yield rng.random((rows, n))
    yield np.where(np.arange(n) == rng.integers(n), 0.99, rng.random((rows, n)))
    leader = (np.arange(rows) // max(rows // 7, 1)) % n
    yield np.where(np.arange(n) == leader[:, None], 0.95, 0.05)
    yield (rng.random((rows, n)) < 0.5).astype(float)
    yield np.zeros((rows, n))


@pytest.mark.parametrize("seed", range(30))
def test_regret_of_probabilities_and_values_stays_below_its_bound(seed):
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(1, 9)), int(rng.integers(1, 300))
    prior = rng.dirichlet(np.ones(n)) + 1e-3
    for share in (0.0, 0.02):
        for said in streams(rng, rows, n):
            y = (rng.random(rows) < 0.5).astype(float)
            for made, truth in (
                (Hedge(n, LogStream(), prior, share), None),
                (Hedge(n, SquaredStream(0, 1), prior, share), y),
                (Hedge(n, BoundedStream(), None, share), None),
            ):
                made.update(said, truth)
                assert made.regret <= made.bound() + ROUNDING


def adversary(made, rows, n):
    """Whoever weighs most loses one, the others nothing, in turn: the worst that one row can do."""
    for _ in range(rows):
        losses = np.zeros(n)
        losses[int(np.argmax(made.weights))] = 1.0
        made.update([losses])


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("share", [0.0, 0.01])
def test_an_adversary_who_sees_the_weights_is_bounded_too(n, share):
    made = Hedge(n, BoundedStream(), None, share)
    adversary(made, 400, n)
    assert 0 < made.regret <= made.bound()


def test_following_the_leader_without_hedging_breaks_the_same_bound():
    made = Hedge(2, BoundedStream(), eta=1e6, prior=[0.5, 0.5])
    adversary(made, 400, 2)
    assert made.regret > np.sqrt(2 * 400 * np.log(2)) + np.sqrt(np.log(2) / 8), "the adversary has no teeth"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("changes", [0, 3, 9])
def test_fixed_share_follows_members_that_change(seed, changes):
    rng = np.random.default_rng(seed)
    n, rows = 6, 300
    where = np.sort(rng.choice(np.arange(1, rows), changes, replace=False))
    leader = rng.integers(n, size=changes + 1)[np.searchsorted(where, np.arange(rows), side="right")]
    said = np.where(np.arange(n) == leader[:, None], 0.9, rng.uniform(0.01, 0.6, (rows, n)))
    for loss, truth in ((LogStream(), None), (SquaredStream(0, 1), np.ones(rows)), (BoundedStream(), None)):
        made = Hedge(n, loss, share=0.02)
        given = 1 - said if isinstance(loss, BoundedStream) else said
        made.update(given, truth)
        best = best_sequence_loss(loss.members(given, np.ones(rows)), changes)
        assert made.own - best <= made.bound(changes) + ROUNDING


def test_after_a_change_fixed_share_is_ahead_of_hedge():
    said = np.repeat([[0.9, 0.1], [0.1, 0.9]], 200, axis=0)
    still, shared = Hedge(2, LogStream()), Hedge(2, LogStream(), share=0.01)
    for made in (still, shared):
        made.update(said)
    assert shared.own < still.own / 3
    assert still.bound(1) == np.inf, "plain Hedge promises nothing against members that change"


def test_rows_one_by_one_are_rows_together(rng):
    said = rng.random((40, 3))
    for loss in (LogStream(), SquaredStream(0, 1), BoundedStream()):
        for share in (0.0, 0.1):
            one, all_ = Hedge(3, loss, share=share), Hedge(3, loss, share=share)
            all_.update(said, np.ones(40))
            for row in said:
                one.update([row], [1.0])
            np.testing.assert_allclose(one.weights, all_.weights)
            assert one.own == pytest.approx(all_.own)


def test_best_sequence_is_that_of_brute_force(rng):
    losses = rng.random((6, 3))
    paths = np.array(np.meshgrid(*[range(3)] * 6)).reshape(6, -1).T
    total = losses[np.arange(6), paths].sum(axis=1)
    changes = (np.diff(paths, axis=1) != 0).sum(axis=1)
    for most in range(4):
        assert best_sequence_loss(losses, most) == pytest.approx(total[changes <= most].min())


def test_an_uneven_beginning_is_bounded_for_bounded_losses_too(rng):
    for rows in (5, 200, 3000):
        made = Hedge(3, BoundedStream(2.0), [0.9, 0.05, 0.05])
        made.update(2 * rng.random((rows, 3)))
        assert made.regret <= made.bound() + ROUNDING
        adversary(made, 300, 3)
        assert made.regret <= made.bound() + ROUNDING


@pytest.mark.parametrize(
    "call",
    [
        lambda: Hedge(2, LogStream(), prior=[1.0, 0.0]),
        lambda: Hedge(2, LogStream(), share=1.0),
        lambda: Hedge(2, LogStream(), eta=-1.0),
        lambda: Hedge(2, LogStream()).update([[0.5, 0.5, 0.5]]),
        lambda: Hedge(2, LogStream()).update([[np.nan, 0.5]]),
        lambda: Hedge(2, BoundedStream()).update([[0.5, 1.5]]),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(UsageError):
        call()

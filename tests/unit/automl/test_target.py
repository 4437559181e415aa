import numpy as np
import pandas as pd
import pytest

from ostinato.automl.target import target_of
from ostinato.automl.task import read_task
from ostinato.core.errors import UsageError


def test_a_hundred_thousand_labels_are_refused_with_what_to_do():
    y = [f"user-{i}" for i in range(100_000)]
    with pytest.raises(
        UsageError, match=r"y has 100,000 labels in 100,000 rows, and at most 1,000 are possible; group"
    ):
        target_of("multiclass", None, y, 100_000)


def test_labels_keep_their_order_and_type():
    found = target_of("multiclass", None, pd.Series([3, 1, 2, 1], name="level"), 4)
    assert (found.name, found.classes, found.codes.tolist()) == ("level", (1, 2, 3), [2, 0, 1, 0])
    assert target_of("binary", None, [True, False], 2).classes == (False, True)


def test_two_million_rows_are_cut_to_the_time_and_no_class_is_lost():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000_000, 3)).astype(np.float32)
    y = np.zeros(2_000_000, dtype=np.int64)
    y[:30], y[40:45] = 1, 2
    task = read_task("multiclass", None, X, y, seconds=5)
    assert len(task.problem.X) == 200_000
    assert np.bincount(task.problem.y)[1:].tolist() == [20, 5]
    assert "200,000 of 2,000,000 rows" in task.notes[0]


@pytest.mark.parametrize(("name", "values"), [("groups", [1, 2]), ("time", np.zeros((4, 1)))])
def test_what_stands_beside_the_rows_has_to_be_as_long(name, values):
    X, y = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]}), [0, 1, 0, 1]
    with pytest.raises(UsageError, match=rf"{name} has shape .*; expected \(4,\)"):
        read_task("binary", None, X, y, **{name: values})

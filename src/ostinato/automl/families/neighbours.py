"""Nearest neighbours: nothing is fitted, all rows are kept."""

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.space import Choice, Int

_SPACE = (
    Int("n_neighbors", 1, 30, default=9, log=True),
    Choice("weights", ("uniform", "distance"), default="distance"),
)
_BRUTE = {"algorithm": "brute", "n_jobs": 1}
_AVOID = "rows are many: the artefact holds all of them"

NEIGHBOURS: tuple[Entry, ...] = (
    Entry(
        "k_nearest_classifier",
        "sklearn.neighbors:KNeighborsClassifier",
        "neighbours",
        CLASSIFICATION,
        _SPACE,
        export="ostinato.automl.export.neighbours:classifier",
        fixed=_BRUTE,
        seed=None,
        scaled=True,
        max_rows=5_000,
        avoid_when=_AVOID,
    ),
    Entry(
        "k_nearest_regressor",
        "sklearn.neighbors:KNeighborsRegressor",
        "neighbours",
        REGRESSION,
        _SPACE,
        export="ostinato.automl.export.neighbours:regressor",
        fixed=_BRUTE,
        seed=None,
        scaled=True,
        max_rows=5_000,
        avoid_when=_AVOID,
    ),
)

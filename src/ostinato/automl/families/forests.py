"""Trees and forests. Leaves are bounded so that an artefact stays small whatever the number of rows."""

from __future__ import annotations

from typing import Any

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.families.own import both, own
from ostinato.automl.space import Choice, Float, Int, Space

_TREES = "ostinato.automl.export.trees"
_ENSEMBLES = "ostinato.automl.export.ensembles"
_TREE = (
    Int("max_leaf_nodes", 4, 64, default=16, log=True),
    Int("min_samples_leaf", 1, 20, default=4, log=True),
)
_FOREST = (
    Int("n_estimators", 60, 160, default=120),
    Float("max_features", 0.03, 1.0, default=0.3, log=True),
    Int("min_samples_leaf", 1, 8, default=2),
    Int("max_leaf_nodes", 48, 384, default=128, log=True),
)
_WEIGHT = Choice("class_weight", (None, "balanced"), default=None)
_GRADIENT = (
    Int("n_estimators", 20, 120, default=60, log=True),
    Float("learning_rate", 0.03, 0.3, default=0.15, log=True),
    Int("max_leaf_nodes", 4, 16, default=8, log=True),
    Float("subsample", 0.4, 1.0, default=0.7),
    Float("max_features", 0.1, 1.0, default=0.4, log=True),
)
_BAG = (Int("n_estimators", 20, 60, default=40), Int("min_samples_leaf", 1, 10, default=2))
_PLAIN = {"scaled": False}
_SLOW = 20_000  # rows: each of their many trees sorts every column again
_SLOWER = 10_000
_BREIMAN, _GEURTS, _TREE_PAPER = "Breiman 2001", "Geurts, Ernst & Wehenkel 2006", "Breiman et al. 1984"


def _pair(key: str, target: str, space: Space, export: str, **more: Any) -> tuple[Entry, Entry]:
    """One method of scikit-learn's as two entries: `<target>Classifier` and `<target>Regressor`."""
    kinds = (("Classifier", CLASSIFICATION), ("Regressor", REGRESSION))
    first, second = (
        Entry(
            f"{key}_{kind.lower()}",
            f"{target}{kind}",
            "forests",
            tasks,
            space,
            export=f"{export}_{kind.lower()}",
            **more,
        )
        for kind, tasks in kinds
    )
    return first, second


_AVERAGED: tuple[Entry, ...] = (
    Entry(
        "random_forest_classifier",
        "sklearn.ensemble:RandomForestClassifier",
        "forests",
        CLASSIFICATION,
        (*_FOREST, _WEIGHT),
        export=f"{_TREES}:sklearn_classifier",
        fixed={"n_jobs": 1},
        cost=3,
        max_rows=_SLOW,
        paper=_BREIMAN,
    ),
    Entry(
        "extra_trees_classifier",
        "sklearn.ensemble:ExtraTreesClassifier",
        "forests",
        CLASSIFICATION,
        (*_FOREST, _WEIGHT),
        export=f"{_TREES}:sklearn_classifier",
        fixed={"n_jobs": 1},
        cost=2,
        paper=_GEURTS,
    ),
    Entry(
        "random_forest_regressor",
        "sklearn.ensemble:RandomForestRegressor",
        "forests",
        REGRESSION,
        _FOREST,
        export=f"{_TREES}:sklearn_regressor",
        fixed={"n_jobs": 1},
        cost=3,
        max_rows=_SLOW,
        paper=_BREIMAN,
    ),
    Entry(
        "extra_trees_regressor",
        "sklearn.ensemble:ExtraTreesRegressor",
        "forests",
        REGRESSION,
        _FOREST,
        export=f"{_TREES}:sklearn_regressor",
        fixed={"n_jobs": 1},
        cost=2,
        paper=_GEURTS,
    ),
    *_pair(
        "decision_tree", "sklearn.tree:DecisionTree", _TREE, f"{_TREES}:sklearn", tags=("readable",), paper=_TREE_PAPER
    ),
)

_OTHERS: tuple[Entry, ...] = (
    *both(
        "rotation_forest",
        "trees:Rotation",
        "forests",
        (Int("n_estimators", 15, 40, default=30), Int("min_samples_leaf", 1, 10, default=2)),
        cost=3,
        max_rows=_SLOW,
        paper="Rodríguez, Kuncheva & Alonso 2006",
    ),
    *_pair(
        "gradient_boosting",
        "sklearn.ensemble:GradientBoosting",
        _GRADIENT,
        f"{_ENSEMBLES}:gradient",
        fixed={"max_depth": None, "min_samples_leaf": 3},
        cost=3,
        max_rows=_SLOW,
        avoid_when="classes are many: each round grows a tree a class",
        paper="Friedman 2001",
    ),
    *_pair(
        "bagged_trees",
        "ostinato.automl.algorithms.trees:Bagged",
        _BAG,
        f"{_ENSEMBLES}:bagged",
        fixed={"max_features": 1.0, "bootstrap": True},
        cost=3,
        max_rows=_SLOW,
        paper="Breiman 1996",
    ),
    *_pair(
        "random_subspaces",
        "ostinato.automl.algorithms.trees:Bagged",
        (*_BAG, Float("max_features", 0.2, 0.9, default=0.5)),
        f"{_ENSEMBLES}:bagged",
        fixed={"bootstrap": False},
        cost=3,
        max_rows=_SLOW,
        paper="Ho 1998",
    ),
    own(
        "ada_boost_classifier",
        "boosting:AdaptiveClassifier",
        "forests",
        CLASSIFICATION,
        (
            Int("n_estimators", 20, 100, default=60),
            Float("learning_rate", 0.1, 1.5, default=0.8, log=True),
            Int("max_leaf_nodes", 2, 12, default=6, log=True),
        ),
        **_PLAIN,
        cost=3,
        max_rows=_SLOWER,
        avoid_when="labels are noisy: it insists on them",
        paper="Freund & Schapire 1997; Zhu et al. 2009",
    ),
    Entry(
        "ada_boost_regressor",
        "ostinato.automl.algorithms.boosting:AdaptiveRegressor",
        "forests",
        REGRESSION,
        (
            Int("n_estimators", 20, 80, default=50),
            Float("learning_rate", 0.05, 1.5, default=0.5, log=True),
            Int("max_leaf_nodes", 8, 48, default=24, log=True),
        ),
        export=f"{_ENSEMBLES}:weighted_median",
        cost=3,
        max_rows=_SLOWER,
        avoid_when="values are noisy: it insists on them",
        paper="Drucker 1997",
    ),
    own(
        "logit_boost",
        "boosting:LogitBoost",
        "forests",
        CLASSIFICATION,
        (
            Int("n_estimators", 20, 100, default=50),
            Float("learning_rate", 0.05, 0.6, default=0.3, log=True),
            Int("max_leaf_nodes", 2, 12, default=6, log=True),
            Float("max_features", 0.1, 1.0, default=0.5, log=True),
        ),
        **_PLAIN,
        cost=3,
        max_rows=_SLOWER,
        avoid_when="classes are many: each round grows a tree a class",
        paper="Friedman, Hastie & Tibshirani 2000",
    ),
    own(
        "median_forest",
        "leaves:MedianForest",
        "forests",
        REGRESSION,
        (
            Int("n_estimators", 20, 60, default=40),
            Float("max_features", 0.1, 1.0, default=0.4, log=True),
            Int("min_samples_leaf", 2, 16, default=4, log=True),
        ),
        **_PLAIN,
        cost=3,
        max_rows=_SLOW,
        paper="Meinshausen 2006",
    ),
    own(
        "model_tree",
        "leaves:ModelTree",
        "forests",
        REGRESSION,
        (Int("leaves", 2, 16, default=6, log=True), Float("alpha", 0.1, 100.0, default=5.0, log=True)),
        seed=None,
        tags=("readable",),
        paper="Quinlan 1992",
    ),
    *both(
        "random_tree_embedding",
        "trees:Planted",
        "forests",
        (Int("n_estimators", 15, 60, default=40), Float("penalty", 0.1, 100.0, default=3.0, log=True)),
        **_PLAIN,
        cost=2,
        max_rows=_SLOW,
        paper="Moosmann, Triggs & Jurie 2006",
    ),
    *_pair(
        "extra_tree", "sklearn.tree:ExtraTree", _TREE, f"{_TREES}:sklearn", fixed={"max_features": 1.0}, paper=_GEURTS
    ),
)

FORESTS: tuple[Entry, ...] = (*_AVERAGED, *_OTHERS)

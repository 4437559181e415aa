"""Trees and forests. Leaves are bounded so that an artefact stays small whatever the number of rows."""

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.space import Choice, Float, Int

_TREES = "ostinato.automl.export.trees"
_TREE = (
    Int("max_leaf_nodes", 4, 64, default=16, log=True),
    Int("min_samples_leaf", 1, 20, default=4, log=True),
)
_FOREST = (
    Int("n_estimators", 60, 160, default=120),
    Float("max_features", 0.03, 0.5, default=0.1, log=True),
    Int("min_samples_leaf", 1, 8, default=2),
)
_LEAVES = {"max_leaf_nodes": 96, "n_jobs": 1}
_BREIMAN, _GEURTS = "Breiman 2001", "Geurts, Ernst & Wehenkel 2006"

FORESTS: tuple[Entry, ...] = (
    Entry(
        "random_forest_classifier",
        "sklearn.ensemble:RandomForestClassifier",
        "forests",
        CLASSIFICATION,
        (*_FOREST, Choice("class_weight", (None, "balanced"), default=None)),
        export=f"{_TREES}:sklearn_classifier",
        fixed=_LEAVES,
        cost=2,
        paper=_BREIMAN,
    ),
    Entry(
        "extra_trees_classifier",
        "sklearn.ensemble:ExtraTreesClassifier",
        "forests",
        CLASSIFICATION,
        (*_FOREST, Choice("class_weight", (None, "balanced"), default=None)),
        export=f"{_TREES}:sklearn_classifier",
        fixed=_LEAVES,
        cost=2,
        paper=_GEURTS,
    ),
    Entry(
        "decision_tree_classifier",
        "sklearn.tree:DecisionTreeClassifier",
        "forests",
        CLASSIFICATION,
        _TREE,
        export=f"{_TREES}:sklearn_classifier",
        tags=("readable",),
    ),
    Entry(
        "random_forest_regressor",
        "sklearn.ensemble:RandomForestRegressor",
        "forests",
        REGRESSION,
        _FOREST,
        export=f"{_TREES}:sklearn_regressor",
        fixed=_LEAVES,
        cost=2,
        paper=_BREIMAN,
    ),
    Entry(
        "extra_trees_regressor",
        "sklearn.ensemble:ExtraTreesRegressor",
        "forests",
        REGRESSION,
        _FOREST,
        export=f"{_TREES}:sklearn_regressor",
        fixed=_LEAVES,
        cost=2,
        paper=_GEURTS,
    ),
    Entry(
        "decision_tree_regressor",
        "sklearn.tree:DecisionTreeRegressor",
        "forests",
        REGRESSION,
        _TREE,
        export=f"{_TREES}:sklearn_regressor",
        tags=("readable",),
    ),
)

"""Gradient boosting: the four implementations, single-threaded so that equal seeds give equal bits."""

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.space import Float, Int

_TREES = "ostinato.automl.export.trees"
_RATE = Float("learning_rate", 0.03, 0.4, default=0.15, log=True)
_XGBOOST = (
    Int("n_estimators", 30, 100, default=60),
    _RATE,
    Int("max_depth", 2, 6, default=3),
    Float("subsample", 0.5, 1.0, default=0.8),
    Float("colsample_bytree", 0.05, 0.8, default=0.2, log=True),
    Float("reg_lambda", 0.1, 30.0, default=1.0, log=True),
)
_XGBOOST_FIXED = {"n_jobs": 1, "tree_method": "hist", "max_bin": 64, "verbosity": 0}
_LIGHTGBM = (
    Int("n_estimators", 30, 100, default=60),
    _RATE,
    Int("num_leaves", 4, 24, default=8, log=True),
    Int("min_child_samples", 2, 30, default=8, log=True),
    Float("colsample_bytree", 0.05, 0.8, default=0.2, log=True),
    Float("reg_lambda", 0.01, 30.0, default=1.0, log=True),
)
_LIGHTGBM_FIXED = {
    "n_jobs": 1,
    "deterministic": True,
    "force_row_wise": True,
    "max_bin": 63,
    "verbosity": -1,
}
_CATBOOST = (
    Int("iterations", 40, 120, default=80),
    _RATE,
    Int("depth", 2, 5, default=4),
    Float("l2_leaf_reg", 0.5, 20.0, default=3.0, log=True),
    Float("rsm", 0.05, 0.6, default=0.15, log=True),
)
_CATBOOST_FIXED = {
    "thread_count": 1,
    "border_count": 32,
    "boosting_type": "Plain",
    "allow_writing_files": False,
    "logging_level": "Silent",
}
_HISTOGRAM = (
    Int("max_iter", 20, 80, default=40),
    _RATE,
    Int("max_leaf_nodes", 4, 24, default=8, log=True),
    Int("min_samples_leaf", 2, 30, default=8, log=True),
    Float("max_features", 0.05, 0.8, default=0.2, log=True),
    Float("l2_regularization", 0.01, 30.0, default=1.0, log=True),
)
_HISTOGRAM_FIXED = {"early_stopping": False, "max_bins": 63}
_PAPER = {
    "xgboost": "Chen & Guestrin 2016",
    "lightgbm": "Ke et al. 2017",
    "catboost": "Prokhorenkova et al. 2018",
    "histogram": "Ke et al. 2017, in scikit-learn",
}

BOOSTING: tuple[Entry, ...] = (
    Entry(
        "lightgbm_classifier",
        "lightgbm:LGBMClassifier",
        "boosting",
        CLASSIFICATION,
        _LIGHTGBM,
        export=f"{_TREES}:lightgbm_classifier",
        fixed=_LIGHTGBM_FIXED,
        cost=2,
        paper=_PAPER["lightgbm"],
    ),
    Entry(
        "xgboost_classifier",
        "xgboost:XGBClassifier",
        "boosting",
        CLASSIFICATION,
        _XGBOOST,
        export=f"{_TREES}:xgboost_classifier",
        fixed=_XGBOOST_FIXED,
        cost=3,
        paper=_PAPER["xgboost"],
    ),
    Entry(
        "catboost_classifier",
        "catboost:CatBoostClassifier",
        "boosting",
        CLASSIFICATION,
        _CATBOOST,
        export=f"{_TREES}:catboost_classifier",
        fixed=_CATBOOST_FIXED,
        cost=4,
        paper=_PAPER["catboost"],
    ),
    Entry(
        "hist_gradient_boosting_classifier",
        "sklearn.ensemble:HistGradientBoostingClassifier",
        "boosting",
        CLASSIFICATION,
        _HISTOGRAM,
        export=f"{_TREES}:histogram_classifier",
        fixed=_HISTOGRAM_FIXED,
        cost=5,
        paper=_PAPER["histogram"],
    ),
    Entry(
        "lightgbm_regressor",
        "lightgbm:LGBMRegressor",
        "boosting",
        REGRESSION,
        _LIGHTGBM,
        export=f"{_TREES}:lightgbm_regressor",
        fixed=_LIGHTGBM_FIXED,
        cost=2,
        paper=_PAPER["lightgbm"],
    ),
    Entry(
        "xgboost_regressor",
        "xgboost:XGBRegressor",
        "boosting",
        REGRESSION,
        _XGBOOST,
        export=f"{_TREES}:xgboost_regressor",
        fixed=_XGBOOST_FIXED,
        cost=3,
        paper=_PAPER["xgboost"],
    ),
    Entry(
        "catboost_regressor",
        "catboost:CatBoostRegressor",
        "boosting",
        REGRESSION,
        _CATBOOST,
        export=f"{_TREES}:catboost_regressor",
        fixed=_CATBOOST_FIXED,
        cost=3,
        paper=_PAPER["catboost"],
    ),
    Entry(
        "hist_gradient_boosting_regressor",
        "sklearn.ensemble:HistGradientBoostingRegressor",
        "boosting",
        REGRESSION,
        _HISTOGRAM,
        export=f"{_TREES}:histogram_regressor",
        fixed=_HISTOGRAM_FIXED,
        cost=2,
        paper=_PAPER["histogram"],
    ),
)

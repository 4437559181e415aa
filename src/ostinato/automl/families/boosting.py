"""Gradient boosting, single-threaded so that equal seeds give equal bits; the rounds stop early on held-out rows."""

from __future__ import annotations

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.space import Float, Int, Space

_TREES = "ostinato.automl.export.trees"
_EARLY = "ostinato.automl.early"
_RATE = Float("learning_rate", 0.02, 0.4, default=0.08, log=True)
_XGBOOST: Space = (
    Int("n_estimators", 30, 800, default=400, log=True),
    _RATE,
    Int("max_depth", 2, 8, default=5),
    Float("min_child_weight", 0.1, 20.0, default=1.0, log=True),
    Float("subsample", 0.5, 1.0, default=0.8),
    Float("colsample_bytree", 0.05, 1.0, default=0.7, log=True),
    Float("reg_lambda", 0.1, 30.0, default=1.0, log=True),
)
_XGBOOST_FIXED = {"n_jobs": 1, "tree_method": "hist", "max_bin": 256, "verbosity": 0}
_XGBOOST_DART: Space = (
    Int("n_estimators", 30, 150, default=80),
    Float("learning_rate", 0.05, 0.5, default=0.2, log=True),
    Int("max_depth", 2, 7, default=4),
    Float("rate_drop", 0.01, 0.3, default=0.1, log=True),
    Float("colsample_bytree", 0.05, 1.0, default=0.7, log=True),
)
_XGBOOST_LINEAR: Space = (
    Int("n_estimators", 20, 200, default=80),
    Float("learning_rate", 0.1, 1.0, default=0.5),
    Float("reg_lambda", 1e-4, 1.0, default=1e-2, log=True),
    Float("reg_alpha", 1e-5, 0.1, default=1e-4, log=True),
)
_LIGHTGBM: Space = (
    Int("n_estimators", 30, 800, default=400, log=True),
    _RATE,
    Int("num_leaves", 4, 96, default=24, log=True),
    Int("min_child_samples", 2, 100, default=20, log=True),
    Float("subsample", 0.5, 1.0, default=0.8),
    Float("colsample_bytree", 0.05, 1.0, default=0.7, log=True),
    Float("reg_lambda", 0.01, 30.0, default=1.0, log=True),
)
_LIGHTGBM_FIXED = {
    "n_jobs": 1,
    "deterministic": True,
    "force_row_wise": True,
    "subsample_freq": 1,
    "verbosity": -1,
}
_LIGHTGBM_GOSS: Space = tuple(each for each in _LIGHTGBM if getattr(each, "name", "") != "subsample")
_LIGHTGBM_DART: Space = (
    Int("n_estimators", 30, 150, default=80),
    Float("learning_rate", 0.05, 0.5, default=0.2, log=True),
    Int("num_leaves", 4, 48, default=12, log=True),
    Int("min_child_samples", 2, 100, default=20, log=True),
    Float("drop_rate", 0.02, 0.4, default=0.1, log=True),
    Float("colsample_bytree", 0.05, 1.0, default=0.7, log=True),
)
_CATBOOST: Space = (
    Int("iterations", 40, 800, default=400, log=True),
    _RATE,
    Int("depth", 2, 7, default=6),
    Float("l2_leaf_reg", 0.5, 30.0, default=3.0, log=True),
    Float("random_strength", 0.1, 10.0, default=1.0, log=True),
    Float("rsm", 0.05, 1.0, default=1.0, log=True),
)
_CATBOOST_FIXED = {
    "thread_count": 1,
    "border_count": 128,
    "boosting_type": "Plain",
    "allow_writing_files": False,
    "logging_level": "Silent",
}
_HISTOGRAM: Space = (
    Int("max_iter", 20, 400, default=200, log=True),
    _RATE,
    Int("max_leaf_nodes", 4, 64, default=20, log=True),
    Int("min_samples_leaf", 2, 60, default=20, log=True),
    Float("max_features", 0.05, 1.0, default=0.7, log=True),
    Float("l2_regularization", 0.01, 30.0, default=1.0, log=True),
)
_HISTOGRAM_FIXED = {"early_stopping": False}
_DART, _GOSS = "Rashmi & Gilad-Bachrach 2015", "Ke et al. 2017, gradient-based one-side sampling"


def _pair(name: str, classifier: str, regressor: str, space: Space, export: str, **rest: object) -> tuple[Entry, Entry]:
    known: dict[str, object] = {"missing": True, **rest}
    return (
        Entry(
            f"{name}_classifier",
            classifier,
            "boosting",
            CLASSIFICATION,
            space,
            export=f"{_TREES}:{export}_classifier",
            **known,  # type: ignore[arg-type]
        ),
        Entry(
            f"{name}_regressor",
            regressor,
            "boosting",
            REGRESSION,
            space,
            export=f"{_TREES}:{export}_regressor",
            **known,  # type: ignore[arg-type]
        ),
    )


_LGBM = ("lightgbm:LGBMClassifier", "lightgbm:LGBMRegressor")
_XGB = ("xgboost:XGBClassifier", "xgboost:XGBRegressor")
_CAT = ("catboost:CatBoostClassifier", "catboost:CatBoostRegressor")
_HIST = ("sklearn.ensemble:HistGradientBoostingClassifier", "sklearn.ensemble:HistGradientBoostingRegressor")

BOOSTING: tuple[Entry, ...] = (
    *_pair(
        "lightgbm",
        *_LGBM,
        _LIGHTGBM,
        "lightgbm",
        fit=f"{_EARLY}:lightgbm",
        rounds="n_estimators",
        fixed=_LIGHTGBM_FIXED,
        cost=2,
        paper="Ke et al. 2017",
    ),
    *_pair(
        "catboost",
        *_CAT,
        _CATBOOST,
        "catboost",
        fit=f"{_EARLY}:catboost",
        rounds="iterations",
        fixed=_CATBOOST_FIXED,
        cost=4,
        paper="Prokhorenkova et al. 2018",
    ),
    *_pair(
        "xgboost",
        *_XGB,
        _XGBOOST,
        "xgboost",
        fit=f"{_EARLY}:xgboost",
        rounds="n_estimators",
        fixed=_XGBOOST_FIXED,
        cost=3,
        paper="Chen & Guestrin 2016",
    ),
    *_pair(
        "hist_gradient_boosting",
        *_HIST,
        _HISTOGRAM,
        "histogram",
        fit=f"{_EARLY}:histogram",
        rounds="max_iter",
        fixed=_HISTOGRAM_FIXED,
        cost=5,
        paper="Ke et al. 2017, in scikit-learn",
    ),
    *_pair(
        "lightgbm_goss",
        *_LGBM,
        _LIGHTGBM_GOSS,
        "lightgbm",
        fit=f"{_EARLY}:lightgbm",
        rounds="n_estimators",
        fixed={**_LIGHTGBM_FIXED, "data_sample_strategy": "goss", "subsample_freq": 0},
        cost=2,
        paper=_GOSS,
    ),
    *_pair(
        "lightgbm_extra_trees",
        *_LGBM,
        _LIGHTGBM,
        "lightgbm",
        fit=f"{_EARLY}:lightgbm",
        rounds="n_estimators",
        fixed={**_LIGHTGBM_FIXED, "extra_trees": True},
        cost=2,
        tags=("random thresholds",),
        paper="Geurts, Ernst & Wehenkel 2006, boosted",
    ),
    *_pair(
        "lightgbm_dart",
        *_LGBM,
        _LIGHTGBM_DART,
        "lightgbm",
        fit=f"{_EARLY}:lightgbm",
        fixed={**_LIGHTGBM_FIXED, "subsample_freq": 0, "boosting_type": "dart"},
        cost=3,
        max_rows=20_000,
        paper=_DART,
    ),
    *_pair(
        "xgboost_dart",
        *_XGB,
        _XGBOOST_DART,
        "xgboost",
        fit=f"{_EARLY}:xgboost",
        fixed={**_XGBOOST_FIXED, "booster": "dart"},
        cost=5,
        max_rows=10_000,
        paper=_DART,
    ),
    *_pair(
        "xgboost_linear",
        *_XGB,
        _XGBOOST_LINEAR,
        "xgboost_linear",
        fit=f"{_EARLY}:xgboost",
        fixed={"n_jobs": 1, "booster": "gblinear", "updater": "coord_descent", "verbosity": 0},
        scaled=True,
        missing=False,
        paper="Bühlmann & Hothorn 2007; coordinate descent in XGBoost",
    ),
)

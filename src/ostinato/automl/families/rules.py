"""Models that a person can read: rules, and sums of functions of one column or two."""

from __future__ import annotations

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.families.own import both, own
from ostinato.automl.space import Bool, Float, Int

_READABLE = ("readable",)
_TREES = "ostinato.automl.export.trees"
_CURVES = (
    Int("max_iter", 30, 300, default=120, log=True),
    Float("learning_rate", 0.02, 0.3, default=0.1, log=True),
    Int("max_leaf_nodes", 3, 8, default=4),
    Int("min_samples_leaf", 2, 30, default=8, log=True),
    Float("l2_regularization", 0.01, 30.0, default=1.0, log=True),
)
_CURVES_FIXED = {"early_stopping": False, "max_bins": 63, "interaction_cst": "no_interactions"}
_LOU = "Lou, Caruana & Gehrke 2012"

RULES: tuple[Entry, ...] = (
    *both(
        "rule_fit",
        "rules:Rule",
        "rules",
        (Int("n_trees", 6, 40, default=16), Float("penalty", 0.3, 30.0, default=5.0, log=True)),
        cost=3,
        max_rows=20_000,
        tags=_READABLE,
        paper="Friedman & Popescu 2008",
    ),
    *both(
        "decision_list",
        "rules:List",
        "rules",
        (
            Int("rules", 4, 30, default=12),
            Int("leaves", 3, 12, default=8),
            Int("min_rows", 2, 40, default=8, log=True),
        ),
        cost=2,
        scaled=False,
        tags=_READABLE,
        paper="Frank & Witten 1998; Holmes, Hall & Frank 1999",
    ),
    own(
        "one_rule",
        "binned:OneRule",
        "rules",
        CLASSIFICATION,
        (Int("bins", 2, 16, default=8), Float("alpha", 0.1, 20.0, default=2.0, log=True)),
        seed=None,
        scaled=False,
        tags=_READABLE,
        avoid_when="more than one column matters",
        paper="Holte 1993",
    ),
)

ADDITIVE: tuple[Entry, ...] = (
    Entry(
        "boosted_curves_classifier",
        "sklearn.ensemble:HistGradientBoostingClassifier",
        "additive",
        CLASSIFICATION,
        _CURVES,
        export=f"{_TREES}:histogram_classifier",
        fixed=_CURVES_FIXED,
        cost=3,
        tags=_READABLE,
        avoid_when="columns act on each other",
        paper=_LOU,
    ),
    Entry(
        "boosted_curves_regressor",
        "sklearn.ensemble:HistGradientBoostingRegressor",
        "additive",
        REGRESSION,
        _CURVES,
        export=f"{_TREES}:histogram_regressor",
        fixed=_CURVES_FIXED,
        cost=2,
        tags=_READABLE,
        avoid_when="columns act on each other",
        paper=_LOU,
    ),
    *both(
        "penalised_splines",
        "expansions:Spline",
        "additive",
        (Int("knots", 2, 12, default=6), Float("penalty", 1e-2, 1e3, default=3.0, log=True)),
        seed=None,
        cost=2,
        max_rows=50_000,
        tags=_READABLE,
        avoid_when="columns act on each other",
        paper="Ruppert, Wand & Carroll 2003",
    ),
    *both(
        "adaptive_splines",
        "additive:AdaptiveSpline",
        "additive",
        (
            Int("terms", 4, 30, default=14),
            Bool("interactions", default=True),
            Float("penalty", 1e-2, 1e2, default=1.0, log=True),
        ),
        cost=3,
        tags=_READABLE,
        paper="Friedman 1991",
    ),
    *both(
        "response_surface",
        "expansions:Quadratic",
        "additive",
        (Int("columns", 4, 20, default=12), Float("penalty", 0.1, 1e4, default=30.0, log=True)),
        seed=None,
        cost=2,
        max_rows=50_000,
        paper="Box & Wilson 1951",
    ),
    own(
        "isotonic_additive",
        "additive:IsotonicRegressor",
        "additive",
        REGRESSION,
        (
            Int("knots", 3, 16, default=10),
            Int("sweeps", 2, 8, default=4),
            Float("rate", 0.1, 1.0, default=0.5, log=True),
        ),
        seed=None,
        cost=2,
        tags=_READABLE,
        avoid_when="a column's effect rises and falls",
        paper="Bacchetti 1989",
    ),
)

"""Small networks: learnt, with random hidden layers, and through factors."""

from __future__ import annotations

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.families.own import both
from ostinato.automl.space import Choice, Float, Int

_SPACE = (
    Int("hidden_layer_sizes", 16, 96, default=48, log=True),
    Float("alpha", 1e-4, 10.0, default=1.0, log=True),
    Float("learning_rate_init", 5e-4, 2e-2, default=3e-3, log=True),
    Choice("activation", ("relu", "tanh"), default="relu"),
    Choice("view.numbers", ("standard", "quantile"), default="standard"),
)
_FIXED = {"max_iter": 80, "batch_size": 32, "n_iter_no_change": 80}
_RANDOM = (
    Int("features", 40, 300, default=120, log=True),
    Float("scale", 0.2, 4.0, default=1.0, log=True),
    Float("penalty", 1e-2, 1e3, default=1.0, log=True),
)
_MANY_COLUMNS = "columns are many and most of them noise: random layers mix them all"

NETWORKS: tuple[Entry, ...] = (
    Entry(
        "mlp_classifier",
        "sklearn.neural_network:MLPClassifier",
        "networks",
        CLASSIFICATION,
        _SPACE,
        export="ostinato.automl.export.networks:classifier",
        fixed=_FIXED,
        scaled=True,
        cost=3,
        max_rows=20_000,
        paper="Rumelhart, Hinton & Williams 1986",
    ),
    Entry(
        "mlp_regressor",
        "sklearn.neural_network:MLPRegressor",
        "networks",
        REGRESSION,
        _SPACE,
        export="ostinato.automl.export.networks:regressor",
        fixed=_FIXED,
        scaled=True,
        cost=3,
        max_rows=20_000,
        paper="Rumelhart, Hinton & Williams 1986",
    ),
    *both(
        "factorisation_machine",
        "factorisation:Factorisation",
        "networks",
        (Int("factors", 1, 10, default=4, log=True), Float("penalty", 1e-2, 1e3, default=3.0, log=True)),
        cost=2,
        max_rows=50_000,
        paper="Rendle 2010",
    ),
    *both(
        "mixture_of_experts",
        "experts:Experts",
        "networks",
        (
            Int("experts", 2, 8, default=4),
            Float("softness", 0.1, 3.0, default=0.5, log=True),
            Float("penalty", 1e-2, 1e2, default=3.0, log=True),
        ),
        cost=2,
        paper="Jacobs et al. 1991",
    ),
    *both(
        "functional_link",
        "expansions:FunctionalLink",
        "networks",
        _RANDOM,
        cost=2,
        max_rows=50_000,
        avoid_when=_MANY_COLUMNS,
        paper="Pao, Park & Sobajic 1994",
    ),
    *both(
        "extreme_learning",
        "expansions:ExtremeLearning",
        "networks",
        _RANDOM,
        cost=2,
        max_rows=50_000,
        avoid_when=_MANY_COLUMNS,
        paper="Huang, Zhu & Siew 2006",
    ),
    *both(
        "radial_network",
        "expansions:RadialNetwork",
        "networks",
        (
            Int("centres", 10, 150, default=40, log=True),
            Float("width", 0.5, 4.0, default=1.5, log=True),
            Float("penalty", 1e-3, 1e2, default=1.0, log=True),
        ),
        cost=2,
        max_rows=50_000,
        paper="Moody & Darken 1989",
    ),
)

"""Small multilayer perceptrons."""

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.space import Choice, Float, Int

_SPACE = (
    Int("hidden_layer_sizes", 16, 96, default=48, log=True),
    Float("alpha", 1e-4, 10.0, default=1.0, log=True),
    Float("learning_rate_init", 5e-4, 2e-2, default=3e-3, log=True),
    Choice("activation", ("relu", "tanh"), default="relu"),
)
_FIXED = {"max_iter": 80, "batch_size": 32, "n_iter_no_change": 80}

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
    ),
)

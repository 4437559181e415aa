"""Linear models: few parameters, hard to beat on few rows with many columns."""

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.space import Bool, Choice, Float

_EXPORT = "ostinato.automl.export.linear"

LINEAR: tuple[Entry, ...] = (
    Entry(
        "logistic_regression",
        "sklearn.linear_model:LogisticRegression",
        "linear",
        CLASSIFICATION,
        (Float("C", 1e-4, 1e2, default=0.05, log=True), Choice("class_weight", (None, "balanced"), default=None)),
        export=f"{_EXPORT}:linear_classifier",
        fixed={"max_iter": 500},
        scaled=True,
    ),
    Entry(
        "linear_discriminant",
        "sklearn.discriminant_analysis:LinearDiscriminantAnalysis",
        "linear",
        CLASSIFICATION,
        (Float("shrinkage", 0.01, 0.99, default=0.5),),
        export=f"{_EXPORT}:linear_classifier",
        fixed={"solver": "lsqr"},
        seed=None,
        scaled=True,
    ),
    Entry(
        "ridge",
        "sklearn.linear_model:Ridge",
        "linear",
        REGRESSION,
        (Float("alpha", 1e-2, 1e4, default=10.0, log=True), Bool("fit_intercept", default=True)),
        export=f"{_EXPORT}:linear_regressor",
        scaled=True,
    ),
    Entry(
        "elastic_net",
        "sklearn.linear_model:ElasticNet",
        "linear",
        REGRESSION,
        (
            Float("alpha", 1e-4, 1e1, default=0.05, log=True),
            Float("l1_ratio", 0.05, 1.0, default=0.5),
        ),
        export=f"{_EXPORT}:linear_regressor",
        fixed={"max_iter": 3000},
        scaled=True,
        paper="Zou & Hastie 2005",
    ),
    Entry(
        "bayesian_ridge",
        "sklearn.linear_model:BayesianRidge",
        "linear",
        REGRESSION,
        (Float("alpha_1", 1e-7, 1e-3, default=1e-6, log=True), Float("lambda_1", 1e-7, 1e-3, default=1e-6, log=True)),
        export=f"{_EXPORT}:linear_regressor",
        seed=None,
        scaled=True,
        paper="Tipping 2001",
    ),
)

"""Generative models: one density a class."""

from ostinato.automl.entry import CLASSIFICATION, Entry
from ostinato.automl.space import Float

BAYES: tuple[Entry, ...] = (
    Entry(
        "gaussian_naive_bayes",
        "sklearn.naive_bayes:GaussianNB",
        "bayes",
        CLASSIFICATION,
        (Float("var_smoothing", 1e-9, 1.0, default=1e-2, log=True),),
        export="ostinato.automl.export.bayes:naive_bayes",
        seed=None,
        scaled=True,
        avoid_when="columns repeat each other: probabilities become over-confident",
    ),
    Entry(
        "quadratic_discriminant",
        "sklearn.discriminant_analysis:QuadraticDiscriminantAnalysis",
        "bayes",
        CLASSIFICATION,
        (Float("reg_param", 1e-3, 1.0, default=0.1, log=True),),
        export="ostinato.automl.export.bayes:quadratic_discriminant",
        seed=None,
        scaled=True,
        min_rows_per_column=20.0,  # every class needs more rows than columns
        avoid_when="a class has fewer rows than there are columns",
    ),
)

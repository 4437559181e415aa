"""Generative models: a density a class, from Gaussians to tables of bins, and what is near a class's centre."""

from __future__ import annotations

from ostinato.automl.entry import CLASSIFICATION, Entry
from ostinato.automl.families.own import own
from ostinato.automl.space import Float, Int

_OVER_CONFIDENT = "columns repeat each other: probabilities become over-confident"
_ALPHA = Float("alpha", 0.05, 20.0, default=1.0, log=True)

_GAUSSIAN: tuple[Entry, ...] = (
    own(
        "gaussian_naive_bayes",
        "gaussian:NaiveGaussian",
        "bayes",
        CLASSIFICATION,
        (Float("smoothing", 1e-9, 1.0, default=1e-2, log=True),),
        seed=None,
        avoid_when=_OVER_CONFIDENT,
        paper="Duda & Hart 1973",
    ),
    own(
        "quadratic_discriminant",
        "gaussian:RegularisedDiscriminant",
        "bayes",
        CLASSIFICATION,
        (Float("sphere", 1e-3, 1.0, default=0.1, log=True),),
        fixed={"pooled": 0.0},
        seed=None,
        avoid_when="a class has fewer rows than there are columns",
        paper="Smith 1947",
    ),
    own(
        "regularised_discriminant",
        "gaussian:RegularisedDiscriminant",
        "bayes",
        CLASSIFICATION,
        (Float("pooled", 0.0, 1.0, default=0.5), Float("sphere", 0.01, 0.9, default=0.1, log=True)),
        seed=None,
        avoid_when="classes and columns are many: the artefact holds a matrix a class",
        paper="Friedman 1989",
    ),
    own(
        "mixture_discriminant",
        "gaussian:MixtureDiscriminant",
        "bayes",
        CLASSIFICATION,
        (Int("components", 2, 8, default=3), Float("shrinkage", 0.02, 0.9, default=0.2, log=True)),
        cost=2,
        paper="Hastie & Tibshirani 1996",
    ),
)

_BINNED: tuple[Entry, ...] = (
    own(
        "categorical_naive_bayes",
        "binned:CategoricalBayes",
        "bayes",
        CLASSIFICATION,
        (Int("bins", 3, 16, default=8), _ALPHA),
        seed=None,
        avoid_when=_OVER_CONFIDENT,
        paper="Yang & Webb 2009",
    ),
    own(
        "kernel_naive_bayes",
        "binned:FlexibleBayes",
        "bayes",
        CLASSIFICATION,
        (Float("bandwidth", 0.1, 1.5, default=0.4, log=True), Int("knots", 6, 24, default=16)),
        seed=None,
        avoid_when=_OVER_CONFIDENT,
        paper="John & Langley 1995",
    ),
    own(
        "tree_augmented_bayes",
        "binned:TreeBayes",
        "bayes",
        CLASSIFICATION,
        (Int("bins", 3, 8, default=5), _ALPHA),
        seed=None,
        cost=2,
        min_rows_per_column=5.0,
        avoid_when="there are hundreds of columns: the dependence of each pair is measured",
        paper="Friedman, Geiger & Goldszmidt 1997",
    ),
    own(
        "bernoulli_naive_bayes",
        "binned:BernoulliBayes",
        "bayes",
        CLASSIFICATION,
        (Int("bins", 2, 4, default=2), _ALPHA),
        seed=None,
        avoid_when=_OVER_CONFIDENT,
        paper="McCallum & Nigam 1998",
    ),
    own(
        "multinomial_naive_bayes",
        "binned:MultinomialBayes",
        "bayes",
        CLASSIFICATION,
        (Int("bins", 4, 20, default=10), _ALPHA),
        seed=None,
        avoid_when="columns are not like counts",
        paper="McCallum & Nigam 1998",
    ),
    own(
        "complement_naive_bayes",
        "binned:ComplementBayes",
        "bayes",
        CLASSIFICATION,
        (Int("bins", 4, 20, default=10), _ALPHA),
        seed=None,
        avoid_when="columns are not like counts",
        paper="Rennie et al. 2003",
    ),
)

_CENTRES: tuple[Entry, ...] = (
    own(
        "nearest_centroid",
        "margins:CentroidMargins",
        "bayes",
        CLASSIFICATION,
        (),
        paper="Rocchio 1971",
    ),
    own(
        "shrunken_centroids",
        "margins:ShrunkenMargins",
        "bayes",
        CLASSIFICATION,
        (Float("threshold", 0.05, 5.0, default=0.5, log=True),),
        paper="Tibshirani et al. 2002",
    ),
)

BAYES: tuple[Entry, ...] = (*_GAUSSIAN, *_BINNED, *_CENTRES)

"""Kernel machines: strong on few rows; their size grows with the rows they keep, unless a few features stand for the kernel."""

from __future__ import annotations

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.families.own import both, own
from ostinato.automl.space import Choice, Float, Int

_C = Float("C", 0.05, 50.0, default=3.0, log=True)
_WIDTH = Float("width", 0.1, 10.0, default=1.0, log=True)  # of the kernel, in units of sqrt(columns)
_EPSILON = Float("epsilon", 0.01, 0.5, default=0.1, log=True)
_PENALTY = Float("penalty", 1e-3, 1e2, default=0.3, log=True)
_VIEW = Choice("view.numbers", ("standard", "quantile"), default="standard")
_POLYNOMIAL = (Float("C", 1e-3, 3.0, default=0.1, log=True), Int("degree", 2, 3, default=2))
_KEEPS = "rows are many: the artefact holds all of them"

_MACHINES: tuple[Entry, ...] = (
    Entry(
        "rbf_svc",
        "ostinato.automl.rbf:RbfSVC",
        "kernels",
        CLASSIFICATION,
        (_C, _WIDTH, _VIEW),
        export="ostinato.automl.export.kernels:classifier",
        scaled=True,
        cost=2,
        max_rows=5_000,
        tags=("method:support_vectors",),
        paper="Cortes & Vapnik 1995; Platt 1999",
    ),
    Entry(
        "rbf_svr",
        "ostinato.automl.rbf:RbfSVR",
        "kernels",
        REGRESSION,
        (_C, _WIDTH, _EPSILON, _VIEW),
        export="ostinato.automl.export.kernels:regressor",
        seed=None,
        scaled=True,
        cost=2,
        max_rows=5_000,
        tags=("method:support_vectors",),
        paper="Drucker et al. 1997",
    ),
    own(
        "polynomial_svm_classifier",
        "machines:PolynomialMachine",
        "kernels",
        CLASSIFICATION,
        _POLYNOMIAL,
        cost=2,
        max_rows=4_000,
        tags=("method:support_vectors",),
        paper="Boser, Guyon & Vapnik 1992",
    ),
    own(
        "polynomial_svm_regressor",
        "machines:PolynomialRegressor",
        "kernels",
        REGRESSION,
        (*_POLYNOMIAL, _EPSILON),
        seed=None,
        cost=2,
        max_rows=4_000,
        tags=("method:support_vectors",),
        paper="Drucker et al. 1997",
    ),
    own(
        "nu_svm_classifier",
        "machines:ShareMachine",
        "kernels",
        CLASSIFICATION,
        (Float("nu", 0.05, 0.9, default=0.4), _WIDTH),
        cost=2,
        max_rows=5_000,
        paper="Schölkopf et al. 2000",
    ),
    own(
        "nu_svm_regressor",
        "machines:ShareRegressor",
        "kernels",
        REGRESSION,
        (_C, Float("nu", 0.1, 0.9, default=0.5), _WIDTH),
        seed=None,
        cost=2,
        max_rows=5_000,
        paper="Schölkopf et al. 2000",
    ),
)

_PROCESSES: tuple[Entry, ...] = (
    own(
        "gaussian_process_classifier",
        "laplace:GaussianProcess",
        "kernels",
        CLASSIFICATION,
        (
            Float("width", 0.2, 5.0, default=0.8, log=True),
            Float("variance", 0.3, 300.0, default=10.0, log=True),
            Int("inducing", 30, 150, default=100, log=True),
        ),
        cost=2,
        max_rows=50_000,
        paper="Rasmussen & Williams 2006",
    ),
    own(
        "gaussian_process_regressor",
        "machines:ProcessRegressor",
        "kernels",
        REGRESSION,
        (Float("width", 0.2, 5.0, default=0.8, log=True), Float("noise", 1e-3, 1.0, default=0.1, log=True)),
        cost=3,
        max_rows=3_000,
        avoid_when=_KEEPS,
        paper="Rasmussen & Williams 2006",
    ),
    own(
        "least_squares_svm",
        "machines:LeastSquaresMachine",
        "kernels",
        CLASSIFICATION,
        (_WIDTH, _PENALTY),
        seed=None,
        cost=2,
        max_rows=3_000,
        avoid_when=_KEEPS,
        tags=("method:kernel_ridge",),
        paper="Suykens & Vandewalle 1999",
    ),
    own(
        "kernel_ridge",
        "machines:KernelRidgeRegressor",
        "kernels",
        REGRESSION,
        (_WIDTH, _PENALTY),
        seed=None,
        cost=2,
        max_rows=4_000,
        avoid_when=_KEEPS,
        tags=("method:kernel_ridge",),
        paper="Saunders, Gammerman & Vovk 1998",
    ),
    own(
        "relevance_vectors",
        "machines:RelevanceRegressor",
        "kernels",
        REGRESSION,
        (_WIDTH,),
        cost=3,
        max_rows=20_000,
        paper="Tipping 2001",
    ),
)

_FEATURES: tuple[Entry, ...] = (
    *both(
        "nystroem",
        "expansions:Nystroem",
        "kernels",
        (
            Float("width", 0.2, 5.0, default=1.0, log=True),
            Int("features", 40, 300, default=120, log=True),
            Float("penalty", 1e-3, 1e2, default=0.1, log=True),
        ),
        cost=2,
        max_rows=50_000,
        paper="Williams & Seeger 2001",
    ),
    *both(
        "random_fourier",
        "expansions:Fourier",
        "kernels",
        (
            Float("width", 0.2, 5.0, default=1.0, log=True),
            Int("features", 60, 400, default=200, log=True),
            Float("penalty", 1e-2, 1e4, default=10.0, log=True),
        ),
        cost=2,
        max_rows=50_000,
        paper="Rahimi & Recht 2007",
    ),
)

KERNELS: tuple[Entry, ...] = (*_MACHINES, *_PROCESSES, *_FEATURES)

"""Kernel machines: strong on few rows; their size grows with the rows they keep."""

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry
from ostinato.automl.space import Float

_C = Float("C", 0.05, 50.0, default=3.0, log=True)
_WIDTH = Float("width", 0.1, 10.0, default=1.0, log=True)  # of the kernel, in units of sqrt(columns)

KERNELS: tuple[Entry, ...] = (
    Entry(
        "rbf_svc",
        "ostinato.automl.rbf:RbfSVC",
        "kernels",
        CLASSIFICATION,
        (_C, _WIDTH),
        export="ostinato.automl.export.kernels:classifier",
        scaled=True,
        cost=2,
        max_rows=5_000,
        paper="Cortes & Vapnik 1995; Platt 1999",
    ),
    Entry(
        "rbf_svr",
        "ostinato.automl.rbf:RbfSVR",
        "kernels",
        REGRESSION,
        (_C, _WIDTH, Float("epsilon", 0.01, 0.5, default=0.1, log=True)),
        export="ostinato.automl.export.kernels:regressor",
        seed=None,
        scaled=True,
        cost=2,
        max_rows=5_000,
        paper="Drucker et al. 1997",
    ),
)

"""Neighbours: little or nothing is fitted, rows or prototypes of them are kept."""

from __future__ import annotations

from ostinato.automl.entry import CLASSIFICATION, Entry
from ostinato.automl.families.own import both, own
from ostinato.automl.space import Bool, Choice, Float, Int

_AVOID = "rows are many: the artefact holds all of them"
_VIEW = Choice("view.numbers", ("standard", "quantile"), default="standard")

NEIGHBOURS: tuple[Entry, ...] = (
    *both(
        "k_nearest",
        "neighbours:Nearest",
        "neighbours",
        (Int("neighbours", 1, 30, default=9, log=True), Bool("weighted", default=True), _VIEW),
        seed=None,
        max_rows=5_000,
        avoid_when=_AVOID,
        paper="Cover & Hart 1967",
    ),
    *both(
        "kernel_window",
        "neighbours:Window",
        "neighbours",
        (Float("width", 0.05, 2.0, default=0.3, log=True),),
        seed=None,
        max_rows=5_000,
        avoid_when=_AVOID,
        paper="Parzen 1962; Nadaraya 1964",
    ),
    *both(
        "radius_neighbours",
        "neighbours:Radius",
        "neighbours",
        (Float("quantile", 0.005, 0.3, default=0.05, log=True), Float("prior", 0.05, 5.0, default=0.5, log=True)),
        seed=None,
        max_rows=5_000,
        avoid_when=_AVOID,
        paper="Fix & Hodges 1951",
    ),
    own(
        "neighbourhood_components",
        "neighbours:ComponentNeighbours",
        "neighbours",
        CLASSIFICATION,
        (Int("components", 2, 16, default=8),),
        cost=4,
        max_rows=5_000,
        avoid_when=_AVOID,
        paper="Goldberger et al. 2004",
    ),
    own(
        "vector_quantisation",
        "neighbours:VectorQuantisation",
        "neighbours",
        CLASSIFICATION,
        (Int("prototypes", 1, 12, default=4, log=True), Float("alpha", 1e-5, 1e-1, default=1e-3, log=True)),
        cost=2,
        max_rows=50_000,
        paper="Seo & Obermayer 2003",
    ),
)

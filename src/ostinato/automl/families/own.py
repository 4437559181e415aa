"""How an estimator of our own becomes an entry: it sees standardised columns and writes itself."""

from __future__ import annotations

from typing import Any

from ostinato.automl.entry import CLASSIFICATION, REGRESSION, Entry, Kind
from ostinato.automl.space import Space

WRITTEN = "ostinato.automl.export.own:written"
ALGORITHMS = "ostinato.automl.algorithms"


def own(key: str, target: str, family: str, tasks: tuple[Kind, ...], space: Space, **more: Any) -> Entry:
    """An entry for `ostinato.automl.algorithms.<target>`.

    >>> own("one_rule", "binned:OneRule", "rules", CLASSIFICATION, ()).export
    'ostinato.automl.export.own:written'
    """
    facts: dict[str, Any] = {"export": WRITTEN, "scaled": True, **more}
    return Entry(key, f"{ALGORITHMS}.{target}", family, tasks, space, **facts)


def both(key: str, stem: str, family: str, space: Space, **more: Any) -> tuple[Entry, Entry]:
    """One method as two entries: `<stem>Classifier` and `<stem>Regressor`."""
    return (
        own(f"{key}_classifier", f"{stem}Classifier", family, CLASSIFICATION, space, **more),
        own(f"{key}_regressor", f"{stem}Regressor", family, REGRESSION, space, **more),
    )

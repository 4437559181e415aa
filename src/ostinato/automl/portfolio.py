"""Configurations that did well together on many tables, in the order in which a search tries them.

`portfolio.json` is data, and says how it was found; a table is judged with the portfolio that was learnt without it.
Feurer et al.: Practical automated machine learning, 2018; Erickson et al.: TabRepo, 2024.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ostinato.automl.space import Value

if TYPE_CHECKING:
    from ostinato.automl.entry import Kind


@dataclass(frozen=True)
class Configuration:
    """An algorithm's key and the settings that differ from its defaults."""

    key: str
    params: Mapping[str, Value]

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON."""
        return {"key": self.key, "params": dict(self.params)}


@cache
def _data() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files("ostinato.automl").joinpath("portfolio.json").read_text("utf-8"))
    return content


def portfolio(kind: Kind, without: str | None = None) -> tuple[Configuration, ...]:
    """The portfolio of a kind of problem; `without` names a table that must not have had a part in it.

    >>> portfolio("regression")[0].key in {each.key for each in portfolio("regression")}
    True
    """
    data = _data()
    own = data["portfolios"]["binary" if kind == "multilabel" else kind]
    chosen = own["all"] if without is None else own["without"].get(without, own["all"])
    return tuple(Configuration(each["key"], each["params"]) for each in chosen)

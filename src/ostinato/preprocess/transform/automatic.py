"""What suits a column of which nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.preprocess.transform.spec import Drop, Frequency, OneHot, Spec, Target
from ostinato.preprocess.transform.table import Role, Table, role_of

MOST_LEVELS = 12  # that still get an indicator each
_FEWEST_ROWS = 20  # below it a table is too small to say that each row has its own value


@dataclass(frozen=True)
class Choice:
    """What a column becomes, and why where that is nothing."""

    specs: tuple[Spec, ...]
    reason: str = ""


def choice(table: Table, name: str, defaults: Mapping[Role, tuple[Spec, ...]], *, told: bool) -> Choice:
    """By the type of the column; `defaults` say what each becomes, and () for categories that their levels decide.

    Categories of few levels get indicators, of many the mean of the target, or their frequency where there is none (`told`).
    """
    role = role_of(table.column(name))
    if role == "empty":
        return Choice((Drop(),), "no value is stated")
    if role != "category" or defaults["category"]:
        return Choice(defaults[role])
    words = table.words(name)
    if len(words.levels) <= MOST_LEVELS:
        return Choice((OneHot(),))
    if len(table) >= _FEWEST_ROWS and words.counts.max() == 1:
        return Choice((Drop(),), "each row has a value of its own")
    return Choice((Target() if told else Frequency(),))

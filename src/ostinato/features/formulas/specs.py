"""The kinds of formulas: JSON or YAML becomes them by `kind`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from ostinato.core.errors import UsageError, listed
from ostinato.features.formulas.formula import Formula
from ostinato.features.formulas.groups import Aggregate, Frequency, Past
from ostinato.features.formulas.values import Bins, DateParts, Difference, Elapsed, Log, Product, Ratio, Text

Kind = Annotated[
    Ratio | Difference | Product | Log | Bins | Text | DateParts | Elapsed | Aggregate | Frequency | Past,
    Field(discriminator="kind"),
]
_READER: TypeAdapter[tuple[Kind, ...]] = TypeAdapter(tuple[Kind, ...])


def read_formulas(said: Any) -> tuple[Kind, ...]:
    """A list of formulas or of mappings as formulas; raises UsageError that lists every fault.

    >>> read_formulas([{"kind": "ratio", "of": "plays", "by": "days"}])
    (Ratio(name=None, kind='ratio', of='plays', by='days'),)
    """
    try:
        return _READER.validate_python((said,) if isinstance(said, Formula | dict) else tuple(said))
    except ValidationError as error:
        faults = [f"features[{'.'.join(map(str, each['loc']))}]: {each['msg']}" for each in error.errors()]
        raise UsageError(f"{len(faults)} faults in the list of features\n{listed(faults)}") from error
    except TypeError as error:
        raise UsageError(f"features={said!r} is no list of features; give formulas or mappings with a kind") from error

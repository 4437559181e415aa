"""What a feature view is: names, types, how long a value holds, and which code computed it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self, get_args

from ostinato.core.errors import UsageError, listed
from ostinato.core.hashing import sha256_of_value

DType = Literal["float64", "float32", "int64", "bool", "string", "timestamp"]
DTYPES: tuple[str, ...] = get_args(DType)
KEY_TYPES = ("string", "int64")
VERSION_DIGITS = 12

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, init=False)
class FeatureView:
    """A group of features that one computation yields for one kind of entity, as a value.

    `entity` names the column or columns that say whose values a row holds; a mapping gives them types ("string", the default,
    or "int64"). `timestamp` is the column of the moment from which a row's values hold, `created` that of the moment at which they
    became known (default: the moment of the write). `features` maps names to types (`DTYPES`). A value older than `ttl` is no
    longer served, neither for training nor online; None: it holds until the next. `code` identifies the computation
    (`code_of(function)`, or a version of your own); with the schema it makes the view's `version`.
    Raises UsageError that lists every fault.

    >>> view = FeatureView("listening", entity="user", features={"plays": "int64", "skips": "float64"}, code="1.0")
    >>> view.entity, view.names
    (('user',), ('plays', 'skips'))
    >>> view.version == FeatureView("listening", entity="user", features=dict(view.features), code="1.0", owner="Ada").version
    True
    """

    name: str
    entity: tuple[str, ...]
    features: Mapping[str, str]
    timestamp: str = "event_time"
    created: str | None = None
    ttl: timedelta | None = None
    code: str = ""
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    entity_types: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        entity: str | Sequence[str] | Mapping[str, str],
        features: Mapping[str, str],
        timestamp: str = "event_time",
        created: str | None = None,
        ttl: timedelta | None = None,
        code: str = "",
        description: str = "",
        owner: str = "",
        tags: Sequence[str] = (),
    ) -> None:
        typed = dict(entity) if isinstance(entity, Mapping) else dict.fromkeys(_several(entity), "string")
        values = {
            "name": name, "entity": tuple(typed), "entity_types": tuple(typed.values()), "features": dict(features),
            "timestamp": timestamp, "created": created, "ttl": ttl, "code": code, "description": description, "owner": owner,
            "tags": _several(tags),
        }  # fmt: skip
        for field, value in values.items():
            object.__setattr__(self, field, value)
        if faults := self._faults():
            raise UsageError(f"feature view {name!r} cannot be\n{listed(faults)}")

    def __hash__(self) -> int:
        return hash((self.name, self.version))

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in their order."""
        return tuple(self.features)

    @property
    def version(self) -> str:
        """Digest of schema and code: rows of two versions are never mixed."""
        return f"{self.schema_digest}.{sha256_of_value(self.code)[:VERSION_DIGITS]}"

    @property
    def schema_digest(self) -> str:
        """Digest of the entity's columns and the features, with their types and order."""
        schema = {
            "entity": list(zip(self.entity, self.entity_types, strict=True)),
            "features": list(self.features.items()),
        }
        return sha256_of_value(schema)[:VERSION_DIGITS]

    def to_dict(self) -> dict[str, Any]:
        """The view as JSON-able values; `from_dict` reads them."""
        return {
            "name": self.name,
            "entity": [list(pair) for pair in zip(self.entity, self.entity_types, strict=True)],
            "features": [[name, dtype] for name, dtype in self.features.items()],
            "timestamp": self.timestamp,
            "created": self.created,
            "ttl_us": None if self.ttl is None else self.ttl // timedelta(microseconds=1),
            "code": self.code,
            "description": self.description,
            "owner": self.owner,
            "tags": list(self.tags),
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """The view that `to_dict` described."""
        rest = {key: said[key] for key in ("name", "timestamp", "created", "code", "description", "owner", "tags")}
        # names are pairs in JSON, for sorted keys would lose their order
        entity, features = dict(map(tuple, said["entity"])), dict(map(tuple, said["features"]))
        ttl = None if said["ttl_us"] is None else timedelta(microseconds=said["ttl_us"])
        return cls(entity=entity, features=features, ttl=ttl, **rest)

    def _faults(self) -> list[str]:
        faults = []
        if not _NAME.fullmatch(self.name):
            faults.append(f"name {self.name!r}: expected a letter and then at most 63 of A-Z, a-z, 0-9, _ and -")
        if not self.entity:
            faults.append("it has no entity: name the column that says whose values a row holds")
        if not self.features:
            faults.append("it has no features: name at least one, with its type")
        for name, dtype in zip(self.entity, self.entity_types, strict=True):
            if dtype not in KEY_TYPES:
                faults.append(f"entity {name!r} is of type {dtype!r}; expected one of {', '.join(KEY_TYPES)}")
        for name, dtype in self.features.items():
            if dtype not in DTYPES:
                faults.append(f"feature {name!r} is of type {dtype!r}; expected one of {', '.join(DTYPES)}")
            if not name or ":" in name or name.startswith("__"):
                faults.append(f"feature {name!r}: a name is not empty, holds no ':' and does not begin with '__'")
        columns = [*self.entity, *self.features, self.timestamp, *([self.created] if self.created else [])]
        faults += [f"column {name!r} is named twice" for name in sorted({c for c in columns if columns.count(c) > 1})]
        if self.ttl is not None and self.ttl <= timedelta(0):
            faults.append(f"ttl is {self.ttl}; expected a positive timedelta, or None for values that never age")
        return faults


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def code_of(function: Callable[..., Any]) -> str:
    """Digest of a function's source that comments, blank lines and formatting do not change.

    Functions that it calls are not followed: pass those that matter through a version of your own.

    >>> import statistics
    >>> len(code_of(statistics.mean))
    12
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise UsageError(
            f"the source of {function!r} cannot be read ({error}); give `code` a version of your own, such as '1.2'"
        ) from error
    return sha256_of_value(ast.dump(ast.parse(source)))[:VERSION_DIGITS]

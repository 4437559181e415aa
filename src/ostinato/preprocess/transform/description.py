"""Blocks and parameters as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.kinds import BLOCKS
from ostinato.preprocess.transform.spec import Spec, severals, singles


def block_to_dict(block: Block) -> dict[str, Any]:
    """What was asked of which columns, and what was learnt."""
    return {
        "spec": block.spec.model_dump(mode="json"),
        "columns": list(block.columns),
        "label": block.label,
        "learnt": dict(block.learnt),
    }


def block_from(told: Mapping[str, Any]) -> Block:
    """The block that `block_to_dict` told of."""
    several = told["spec"]["kind"] in ("polynomial", "cross")
    spec = (severals([told["spec"]]) if several else singles(told["spec"], "spec"))[0]
    made = BLOCKS[told["spec"]["kind"]](spec, tuple(told["columns"]), told["label"], dict(told["learnt"]))
    if not isinstance(made.names, tuple):
        raise UsageError("names are not told")
    return made


def params_to_dict(params: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments as JSON; a random state, which is none, becomes None, for its seed stands beside."""
    return {name: _json(value) for name, value in params.items()}


def checked(description: Any, transformer: str, newest: int) -> Mapping[str, Any]:
    """A description that can be read; raises UsageError for another's, a newer release's and a damaged one."""
    if not isinstance(description, Mapping) or description.get("transformer") != transformer:
        what = description.get("transformer") if isinstance(description, Mapping) else type(description).__name__
        raise UsageError(f"this is no description of a {transformer} but of {what!r}; give what description() returned")
    if not isinstance(description.get("format"), int) or description["format"] > newest:
        raise UsageError(
            f"the description has format {description.get('format')!r} and this release reads up to {newest}; it was written by a "
            "newer release: update, or learn anew"
        )
    return description


def _json(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    if isinstance(value, np.random.RandomState):
        return None
    return value.item() if isinstance(value, np.generic) else value

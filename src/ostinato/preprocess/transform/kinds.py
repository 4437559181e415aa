"""Which block answers which request."""

from __future__ import annotations

from ostinato.core.errors import UsageError
from ostinato.preprocess.transform.block import Block
from ostinato.preprocess.transform.categories import Coded, Counted, Hashed, OneHotted
from ostinato.preprocess.transform.combining import Crossed, Multiplied
from ostinato.preprocess.transform.dates import Dated
from ostinato.preprocess.transform.goal import Goal
from ostinato.preprocess.transform.scaling import Kept, Powered, Ranked, Scaled
from ostinato.preprocess.transform.spec import Cross, Spec
from ostinato.preprocess.transform.table import Table
from ostinato.preprocess.transform.targets import Meant
from ostinato.preprocess.transform.text import Texts

_BLOCKS: tuple[type[Block], ...] = (
    Kept,
    Scaled,
    Ranked,
    Powered,
    OneHotted,
    Coded,
    Counted,
    Hashed,
    Meant,
    Dated,
    Texts,
    Multiplied,
    Crossed,
)
BLOCKS = {kind: block for block in _BLOCKS for kind in block.kinds}


def needs_target(spec: Spec) -> bool:
    """Whether a request cannot be answered without `y`."""
    return BLOCKS[spec.by.kind if isinstance(spec, Cross) else spec.kind].supervised


def learnt(spec: Spec, columns: tuple[str, ...], label: str, table: Table, goal: Goal | None) -> Block:
    """The block for a request, fitted. Raises UsageError where a request needs a target and there is none."""
    if goal is None and needs_target(spec):
        raise UsageError(
            f"column {', '.join(columns)}: {spec.kind!r} needs a target; call fit_transform(X, y), or ask for "
            "'onehot', 'frequency' or 'hash'"
        )
    block = BLOCKS[spec.kind]
    return block(spec, columns, label, block.found(spec, columns, table, goal))

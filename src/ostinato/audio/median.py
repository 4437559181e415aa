"""Running medians of a matrix along one axis, by sorting networks that neighbouring windows share.

After Adams, "Fast median filters using separable sorting networks", ACM Transactions on Graphics 40 (4), 2021, in one
dimension. A group of neighbouring windows sorts once what all of them hold (the core), and drops from it whatever is
among the smallest or largest in any of the windows. Then the group is halved, each half merges in what only its own
windows hold, drops again, and so on down to single windows. For each width that becomes a straight line of minima and
maxima, found once; every one of them is a single numpy call over all groups and columns of a block that stays in the
processor's cache. For a width of 31 these are 26 calls an element where sorting each window takes 174.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UsageError

Array = npt.NDArray[np.floating]
_Block = npt.NDArray[Any]
_Number = TypeVar("_Number", bound=np.floating)

_LARGEST_GROUP = 32  # windows; larger groups save nothing up to widths of 127
_WIRE = (
    8_192  # elements a numpy call: some 60 arrays of it fit the second-level cache, and the call itself costs little
)
_FEWEST_COLUMNS = 64


class _Value(NamedTuple):
    """A node of the network, as the group `shift` places further on sees it."""

    node: int
    shift: int


class _Step(NamedTuple):
    """One minimum or maximum of two values: `out[lo : hi + groups] = f(a, b)`, counted in groups."""

    largest: bool
    a: int
    a_shift: int
    b: int
    b_shift: int
    out: int
    lo: int
    hi: int


@dataclass(frozen=True)
class _Program:
    """What to compute for every group: `steps` on `registers`, the first `group` of which hold the input."""

    group: int
    reach: int  # groups that a group looks ahead
    registers: int
    steps: tuple[_Step, ...]
    results: tuple[int, ...]  # the register of each window's median


class _Network:
    """Minima and maxima by name; what a neighbouring group computes under the same name is not computed again."""

    def __init__(self, group: int) -> None:
        self.group = group
        self.nodes: list[tuple[bool, _Value, _Value]] = []
        self._known: dict[tuple[bool, _Value, _Value], int] = {}

    def sample(self, position: int) -> _Value:
        return _Value(position % self.group, position // self.group)

    def extreme(self, largest: bool, a: _Value, b: _Value) -> _Value:
        shift = min(a.shift, b.shift)
        first, second = sorted((_Value(a.node, a.shift - shift), _Value(b.node, b.shift - shift)))
        name = (largest, first, second)
        if name not in self._known:
            self._known[name] = self.group + len(self.nodes)
            self.nodes.append(name)
        return _Value(self._known[name], shift)

    def merge(self, a: list[_Value], b: list[_Value]) -> list[_Value]:
        """Batcher's odd-even merge of two sorted lists of any lengths (Knuth, volume 3, section 5.3.4)."""
        if not a or not b:
            return a or b
        if len(a) == len(b) == 1:
            return [self.extreme(False, a[0], b[0]), self.extreme(True, a[0], b[0])]
        even, odd = self.merge(a[::2], b[::2]), self.merge(a[1::2], b[1::2])
        merged = even[:1]
        for x, y in zip(odd, even[1:], strict=False):
            merged += [self.extreme(False, x, y), self.extreme(True, x, y)]
        pairs = min(len(odd), len(even) - 1)
        return merged + even[1 + pairs :] + odd[pairs:]

    def sort(self, values: list[_Value]) -> list[_Value]:
        if len(values) <= 1:
            return values
        half = 1 << (len(values) - 1).bit_length() - 1
        return self.merge(self.sort(values[:half]), self.sort(values[half:]))

    def medians(self, width: int) -> list[_Value]:
        """The element of rank `width // 2` of each window of the group; window `k` starts at position `k`."""
        first, last = self.group - 1, width  # the core: the positions that all windows hold
        core = self.sort([self.sample(p) for p in range(first, last)])
        return list(self._split(core, 0, first, last, self.group, width))

    def _split(
        self, core: list[_Value], dropped: int, first: int, last: int, size: int, width: int
    ) -> Iterator[_Value]:
        """Medians of `size` windows whose common positions `first..last`, sorted, less the `dropped` least, are `core`."""
        rank, held, missing = width // 2, last - first, size - 1
        least = max(dropped, rank - missing)
        core = core[least - dropped : min(rank + 1, held) - dropped]
        if size == 1:
            yield core[0]
            return
        half = size // 2
        for low, high in ((first - half, last), (first, last + half)):
            new = range(low, first) if low < first else range(last, high)
            merged = self.merge(core, self.sort([self.sample(p) for p in new]))
            yield from self._split(merged, least, low, high, half, width)


def _needed(network: _Network, results: list[_Value]) -> dict[int, tuple[int, int]]:
    """For each node that a result depends on, the first and last group ahead in which it is read."""
    ranges = {value.node: (value.shift, value.shift) for value in results}
    for node in range(network.group + len(network.nodes) - 1, network.group - 1, -1):
        if node not in ranges:
            continue
        lo, hi = ranges[node]
        for operand in network.nodes[node - network.group][1:]:
            low, high = ranges.get(operand.node, (lo + operand.shift, hi + operand.shift))
            ranges[operand.node] = (min(low, lo + operand.shift), max(high, hi + operand.shift))
    return ranges


def _compiled(width: int, group: int) -> _Program:
    """The network for groups of `group` windows as steps on as few registers as its order allows."""
    network = _Network(group)
    results = network.medians(width)
    ranges = _needed(network, results)
    order = [node for node in sorted(ranges) if node >= group]
    last_use = {value.node: len(order) for value in results}
    for at in range(len(order) - 1, -1, -1):
        for operand in network.nodes[order[at] - group][1:]:
            last_use.setdefault(operand.node, at)
    place = {wire: wire for wire in range(group)}
    free, registers, steps = [wire for wire in range(group) if wire not in last_use], group, []
    for at, node in enumerate(order):
        largest, a, b = network.nodes[node - group]
        if free:
            place[node] = free.pop()
        else:
            place[node], registers = registers, registers + 1
        steps.append(_Step(largest, place[a.node], a.shift, place[b.node], b.shift, place[node], *ranges[node]))
        # only now: a step must not write where it still reads, for groups that read ahead
        free += [place[operand] for operand in {a.node, b.node} if last_use[operand] == at]
    reach = max(high for _, high in ranges.values())
    return _Program(group, reach, registers, tuple(steps), tuple(place[value.node] for value in results))


@lru_cache(maxsize=32)
def _program(width: int) -> _Program:
    """The program with the fewest steps a window."""
    sizes = [1 << k for k in range(_LARGEST_GROUP.bit_length()) if 1 << k <= (width + 1) // 2]
    return min((_compiled(width, size) for size in sizes), key=lambda program: len(program.steps) / program.group)


class _Machine:
    """A program with its registers, for blocks of `groups` groups and `columns` columns."""

    def __init__(self, program: _Program, groups: int, columns: int, dtype: np.dtype[Any]) -> None:
        self.groups, self.columns = groups, columns
        self.held = groups + program.reach
        registers = np.empty((program.registers, self.held * columns), dtype=dtype)
        self.input = registers[: program.group].reshape(program.group, self.held, columns).transpose(1, 0, 2)
        self._results = [registers[place, : groups * columns].reshape(groups, columns) for place in program.results]
        self._calls = [self._call(step, registers) for step in program.steps]

    def _call(self, step: _Step, registers: _Block) -> tuple[Any, _Block, _Block, _Block]:
        def part(place: int, shift: int) -> _Block:
            view: _Block = registers[
                place, (step.lo + shift) * self.columns : (step.hi + shift + self.groups) * self.columns
            ]
            return view

        called = np.maximum if step.largest else np.minimum
        return called, part(step.a, step.a_shift), part(step.b, step.b_shift), part(step.out, 0)

    def run(self) -> list[_Block]:
        """The medians of what `input` holds: one block `(groups, columns)` for each window of a group."""
        for called, a, b, out in self._calls:
            called(a, b, out=out)
        return self._results


def _load(target: _Block, X: _Block, start: int) -> None:
    """Fill `target` `(groups, group, columns)` with the rows of `X` from row `start`, mirrored at both ends."""
    groups, group, _ = target.shape
    length = len(X)
    inside = slice(min(groups, max(0, -(start // group))), max(0, min(groups, (length - start) // group)))
    if inside.start < inside.stop:
        rows = X[start + inside.start * group : start + inside.stop * group]
        target[inside] = rows.reshape(inside.stop - inside.start, group, X.shape[1])
    for k in (*range(min(inside.start, groups)), *range(max(inside.start, inside.stop), groups)):
        at = np.mod(start + k * group + np.arange(group), 2 * length)
        target[k] = X[np.minimum(at, 2 * length - 1 - at)]


def _store(target: _Block, blocks: list[_Block]) -> None:
    """Write the medians to the rows of `target`, the last group as far as there are rows."""
    group = len(blocks)
    whole = len(target) // group
    rows = target[: whole * group].reshape(whole, group, target.shape[1])
    for k, block in enumerate(blocks):
        rows[:, k] = block[:whole]
        if whole * group + k < len(target):
            target[whole * group + k] = block[whole]


def _columnwise(X: _Block, width: int, result: _Block) -> None:
    """Running medians down the columns of `X`, block by block."""
    program = _program(width)
    length, n_columns = X.shape
    total = -(-length // program.group)
    columns = min(n_columns, max(_FEWEST_COLUMNS, _WIRE // (total + program.reach)))
    columns = -(-n_columns // -(-n_columns // columns))  # blocks of one size
    groups = min(total, max(1, _WIRE // columns - program.reach))
    groups = -(-total // -(-total // groups))
    machine = _Machine(program, groups, columns, X.dtype)
    for left in range(0, n_columns, columns):
        here = slice(left, min(left + columns, n_columns))
        for first in range(0, length, groups * program.group):
            _load(machine.input[:, :, : here.stop - left], X[:, here], first - width // 2)
            blocks = [block[:, : here.stop - left] for block in machine.run()]
            _store(result[first : first + groups * program.group, here], blocks)


def running_median(S: npt.NDArray[_Number], width: int, axis: int = -1) -> npt.NDArray[_Number]:
    """The median of the `width` neighbours of each element of a matrix along `axis`, mirrored at the ends.

    Exactly `scipy.ndimage.median_filter(S, size=(1, width), mode="reflect")` for the last axis, of the shape, type and
    memory order of `S` `(n_rows, n_columns)`; for an even width the upper of the two middle ones, with one neighbour
    more before than after. Made for non-negative float32, for which it compares integers. NaN is not looked for.
    Raises UsageError where `S` is no matrix of floats or `width` is not positive.

    >>> running_median(np.array([[1.0, 9.0, 2.0, 3.0, 2.0]]), 3)
    array([[1., 2., 3., 2., 2.]])
    """
    if S.ndim != 2 or not np.issubdtype(S.dtype, np.floating):  # noqa: PLR2004 - a matrix
        raise UsageError(f"running_median takes a matrix of floats; got {S.dtype} of shape {S.shape}")
    if width < 1:
        raise UsageError(f"running_median takes a width from 1; got {width}")
    result = np.empty_like(S)
    if width == 1 or not S.size:
        result[...] = S
        return result
    X: _Block = S
    Y: _Block = result
    if S.dtype == np.float32 and S.min() >= 0:
        X, Y = S.view(np.int32), result.view(np.int32)  # the same order, compared faster
    if axis % 2:
        X, Y = X.T, Y.T
    _columnwise(X, width, Y)
    return result

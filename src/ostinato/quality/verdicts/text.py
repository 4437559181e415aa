"""Columns of strings as Arrow arrays; what is asked of many rows that share few strings is asked of those strings once."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ostinato.quality.verdicts.patterns import regular
from ostinato.quality.verdicts.unsure import Unsure
from ostinato.quality.verdicts.words import Words

Mask = NDArray[np.bool_]
_SAMPLE, _FEW = 4096, 1024  # rows share objects where a sample of them has few different ones
_SHARED = 8  # and where the whole has eight rows to an object
_LARGE_SAMPLE, _OFTEN = 65_536, 0.9  # up to so many different values in a sample, a dictionary is quicker than sorting


@dataclass(frozen=True)
class Text:
    """Objects that are `str` or gaps. With `codes`, row r holds the string number `codes[r]`; else `strings` are the rows."""

    strings: Any  # a large_string array; null for a gap
    codes: NDArray[np.int64] | None

    @classmethod
    def of(cls, values: NDArray[np.object_]) -> Self | None:
        """The text of an array of objects, or None where it holds anything else."""
        codes, objects = _shared(values)
        try:
            strings = pa.array(objects, from_pandas=True)
        except (pa.ArrowException, UnicodeError, OverflowError):
            return None
        if not (
            pa.types.is_string(strings.type)
            or pa.types.is_large_string(strings.type)
            or strings.null_count == len(strings)
        ):
            return None
        strings = strings.cast(pa.large_string())
        return cls(strings.combine_chunks() if isinstance(strings, pa.ChunkedArray) else strings, codes)

    def _rows(self, found: Any) -> Mask:
        found = pc.fill_null(found, False) if found.null_count else found
        mask = np.asarray(found, dtype=bool)
        return mask if self.codes is None else mask[self.codes]

    @cached_property
    def filled(self) -> Mask:
        """Rows with a string."""
        return self._rows(pc.is_valid(self.strings))

    @cached_property
    def _bytes(self) -> NDArray[np.uint8]:
        """The bytes of all strings, one behind the other."""
        _, offsets, data = self.strings.buffers()
        if data is None or not len(self.strings):
            return np.zeros(0, dtype=np.uint8)
        bounds = np.frombuffer(offsets, dtype=np.int64)[
            self.strings.offset : self.strings.offset + len(self.strings) + 1
        ]
        return np.frombuffer(data, dtype=np.uint8)[bounds[0] : bounds[-1]]

    @cached_property
    def ascii(self) -> bool:
        """Whether every character is below 128."""
        return int(self._bytes.max(initial=0)) < 128  # noqa: PLR2004

    def among(self, members: list[str]) -> Mask:
        """Rows whose string is one of some."""
        return self._rows(pc.is_in(self.strings, value_set=pa.array(members, type=pa.large_string())))

    def matching(self, pattern: str) -> Mask:
        """Rows in whose string Python would find a pattern."""
        search = re.compile(pattern).search
        try:
            return self._rows(pc.match_substring_regex(self.strings, regular(pattern, ascii_only=self.ascii)))
        except (Unsure, pa.ArrowInvalid):
            held = self.strings.to_pylist()
            return self._rows(pa.array([value is not None and search(value) is not None for value in held], pa.bool_()))

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Characters of each row, -1 for a gap."""
        lengths = np.asarray(pc.fill_null(pc.utf8_length(self.strings), -1), dtype=np.int64)
        return lengths if self.codes is None else lengths[self.codes]

    @cached_property
    def _ends_early(self) -> bool:
        """Whether a string holds the character 0, at which pandas ends it when it counts what is different."""
        return int(self._bytes.min(initial=1)) == 0

    def different(self) -> set[str]:
        """The strings, each once."""
        if self._ends_early:
            raise Unsure
        return set(pc.unique(pc.drop_null(self.strings)).to_pylist())

    @cached_property
    def repeats(self) -> tuple[Mask, int]:
        """Rows whose string occurs more than once, and the number of different strings."""
        if self._ends_early:
            raise Unsure
        sample = self.strings.slice(0, _LARGE_SAMPLE)
        if self.codes is not None or pc.count_distinct(sample).as_py() <= _OFTEN * len(sample):
            return self._repeats_of_few()
        return self._repeats_of_many()

    def _repeats_of_few(self) -> tuple[Mask, int]:
        encoded = pc.dictionary_encode(self.strings)
        number = len(encoded.dictionary)
        codes = np.asarray(pc.fill_null(encoded.indices, number), dtype=np.int64)
        codes = codes if self.codes is None else codes[self.codes]
        often = np.bincount(codes, minlength=number + 1) > 1
        often[number] = False
        return often[codes], number

    def _repeats_of_many(self) -> tuple[Mask, int]:
        """By sorting digests of the bytes; strings with equal digests are then compared byte by byte."""
        held = pc.drop_null(self.strings) if self.strings.null_count else self.strings
        words = Words(held)
        if not words.fits:
            found = pd.Series(held.to_pylist(), dtype=object).duplicated(keep=False).to_numpy()
            return self._over_gaps(found), len(pc.unique(held))
        digests = words.digests()
        ranked = np.sort(digests)
        twins = ranked[1:][ranked[1:] == ranked[:-1]]
        found = np.zeros(len(held), dtype=bool)
        if not len(twins):
            return self._over_gaps(found), len(held)
        some = _rows_of(twins[np.flatnonzero(np.diff(twins, prepend=~twins[:1]))], digests)
        order = some[np.argsort(digests[some])]
        twin = digests[order[1:]] == digests[order[:-1]]
        if not words.equal_to_next(order, twin):
            raise Unsure
        found[order[:-1][twin]] = True
        found[order[1:][twin]] = True
        return self._over_gaps(found), len(held) - len(twins)

    def _over_gaps(self, among_strings: Mask) -> Mask:
        mask = np.zeros(len(self.strings), dtype=bool)
        mask[self.filled] = among_strings
        return mask


def _rows_of(twins: NDArray[np.uint64], digests: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Rows that hold one of some digests, or all rows where those are too many to look up."""
    if len(twins) > _FEW:
        return np.arange(len(digests))
    place = np.minimum(np.searchsorted(twins, digests), len(twins) - 1)
    return np.flatnonzero(twins[place] == digests)


def _shared(values: NDArray[np.object_]) -> tuple[NDArray[np.int64] | None, NDArray[np.object_]]:
    """Codes and the objects they stand for, where many rows hold one object, as readers of files leave them; else the rows.

    Objects are told apart by their addresses, which are read without touching the objects.
    """
    if len(values) <= _SAMPLE or not values.flags.c_contiguous:
        return None, values
    addresses = np.ctypeslib.as_array((ctypes.c_int64 * len(values)).from_address(values.ctypes.data))
    if len(np.unique(addresses[:_SAMPLE])) > _FEW:
        return None, values
    codes, found = pd.factorize(addresses)
    if len(found) * _SHARED > len(values):
        return None, values
    first = np.empty(len(found), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(values) - 1, -1, -1)  # the last that is written is the first row
    return codes.astype(np.int64, copy=False), values[first]

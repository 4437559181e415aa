"""A pattern that is rewritten finds what Python finds, or is refused."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.quality.verdicts.patterns import regular
from ostinato.quality.verdicts.unsure import Unsure

ATOMS = [
    "a",
    "b",
    ".",
    r"\d",
    r"\s",
    r"\S",
    r"\w",
    r"\W",
    r"\D",
    "[a-c]",
    "[^a]",
    r"[\s\d]",
    r"[^\w-]",
    "_",
    " ",
    r"\n",
    "^",
    "$",
    r"\b",
    r"\Z",
]
TEXTS = st.lists(st.text(alphabet="ab1_ -\n\t\x0b\x1c\x1f\x7f.", max_size=6), min_size=1, max_size=30)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    def piece(depth: int) -> str:
        kind = draw(st.integers(0, 5 if depth else 1))
        if kind <= 1:
            return draw(st.sampled_from(ATOMS))
        if kind == 2:
            inside = piece(depth - 1)
            return f"(?:{inside}){draw(st.sampled_from(['*', '+', '?', '{2}', '{1,3}', '*?', '{2,}']))}"
        if kind == 3:
            return f"({piece(depth - 1)}|{piece(depth - 1)})"
        return piece(depth - 1) + piece(depth - 1)

    return piece(3)


@given(patterns(), TEXTS)
@settings(max_examples=400, deadline=None)
def test_a_rewritten_pattern_finds_what_python_finds(pattern, texts):
    try:
        rewritten = regular(pattern, ascii_only=True)
    except (Unsure, re.error):
        return
    found = pc.match_substring_regex(pa.array(texts), rewritten).to_pylist()
    assert found == [re.search(pattern, text) is not None for text in texts]


@pytest.mark.parametrize("character", [chr(code) for code in range(128)])
def test_classes_hold_what_python_puts_into_them(character):
    for pattern in (r"\s", r"\S", r"\d", r"\D", r"\w", r"\W", r"[^\s]", r"[\W\d]", "."):
        found = pc.match_substring_regex(pa.array([character]), regular(pattern, ascii_only=True)).to_pylist()
        assert found == [re.search(pattern, character) is not None], pattern


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?=a)", "(?<!a)b", "(?i)a", "(?>a+)", "a++", "a{1001}", "$a", "(?m)^a", r"\B"]
)
def test_what_may_mean_something_else_is_refused(pattern):
    with pytest.raises(Unsure):
        regular(pattern, ascii_only=True)


def test_classes_over_more_than_ascii_are_refused_and_letters_are_not():
    with pytest.raises(Unsure):
        regular(r"\w", ascii_only=False)
    found = pc.match_substring_regex(pa.array(["Größe", "Masse"]), regular("^[A-Z]r[é-ü]", ascii_only=False))
    assert found.to_pylist() == [True, False]

"""Regular expressions of Python for a matcher of regular languages (RE2), where both are certain to find the same.

Whether a pattern occurs in a string depends on the language that it describes and not on how a matcher goes about it, so
greedy and lazy repeats are one. Each construct is written anew, character by character, with Python's meaning (`\\s` there
holds four separators more than RE2's). What is no regular language (references, looking around, atomic groups), what flags
change, and classes over more than ASCII are refused; such a pattern is searched for by Python itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from re import _constants as codes  # type: ignore[attr-defined]  # the parser's names; typeshed leaves them out
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from ostinato.quality.verdicts.unsure import Unsure

_CLASSES = {
    codes.CATEGORY_DIGIT: "0-9",
    codes.CATEGORY_WORD: "0-9A-Za-z_",
    codes.CATEGORY_SPACE: r"\x09-\x0d\x1c-\x20",
    codes.CATEGORY_NOT_DIGIT: r"\x00-\x2f\x3a-\x7f",
    codes.CATEGORY_NOT_WORD: r"\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f",
    codes.CATEGORY_NOT_SPACE: r"\x00-\x08\x0e-\x1b\x21-\x7f",
}
_MOST = 1000  # repeats that RE2 counts
_SURROGATES = range(0xD800, 0xE000)


def regular(pattern: str, *, ascii_only: bool) -> str:
    """The pattern for RE2; `ascii_only` says that it will see nothing else. Raises Unsure where it may not mean the same.

    >>> regular("^[A-Z]{2}-?$", ascii_only=True)
    '\\\\A[\\\\x{41}-\\\\x{5a}]{2,2}\\\\x{2d}{0,1}(?:\\\\x{a}?\\\\z)'
    """
    parsed = parser.parse(pattern)
    if parsed.state.flags != re.UNICODE:
        raise Unsure
    return "".join(_sequence(parsed, ascii_only, last=True))


def _sequence(items: Iterable[Any], ascii_only: bool, *, last: bool) -> Iterable[str]:
    listed = list(items)
    for number, (code, argument) in enumerate(listed):
        yield _item(code, argument, ascii_only, last=last and number == len(listed) - 1)


def _item(code: Any, argument: Any, ascii_only: bool, *, last: bool) -> str:
    if code in _SIMPLE:
        return _SIMPLE[code](argument, ascii_only)
    if code is codes.AT:
        return _place(argument, ascii_only, last=last)
    if code is codes.SUBPATTERN:
        _, added, removed, inside = argument
        if added or removed:
            raise Unsure
        return f"(?:{''.join(_sequence(inside, ascii_only, last=last))})"
    if code is codes.BRANCH:
        return f"(?:{'|'.join(''.join(_sequence(each, ascii_only, last=last)) for each in argument[1])})"
    raise Unsure


def _character(point: int) -> str:
    if point in _SURROGATES:
        raise Unsure
    return rf"\x{{{point:x}}}"


def _set(members: Any, ascii_only: bool) -> str:
    parts = []
    for code, argument in members:
        if code is codes.NEGATE:
            parts.append("^")
        elif code is codes.LITERAL:
            parts.append(_character(argument))
        elif code is codes.RANGE:
            parts.append(f"{_character(argument[0])}-{_character(argument[1])}")
        elif code is codes.CATEGORY and ascii_only:
            parts.append(_CLASSES[argument])
        else:
            raise Unsure
    return f"[{''.join(parts)}]"


def _place(where: Any, ascii_only: bool, *, last: bool) -> str:
    if where in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING):
        return r"\A"
    if where is codes.AT_END_STRING:
        return r"\z"
    if where is codes.AT_END and last:  # before a last line feed too; with nothing behind it the line feed may be taken
        return r"(?:\x{a}?\z)"
    if where is codes.AT_BOUNDARY and ascii_only:
        return r"\b"
    raise Unsure


def _repeat(argument: Any, ascii_only: bool) -> str:
    least, most, inside = argument
    if least > _MOST or (most is not codes.MAXREPEAT and most > _MOST):
        raise Unsure
    text = "".join(_sequence(inside, ascii_only, last=False))
    upper = "" if most is codes.MAXREPEAT else str(most)
    alone = len(inside) == 1 and inside[0][0] in (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN)
    return f"{text if alone else f'(?:{text})'}{{{least},{upper}}}"


_SIMPLE: dict[Any, Callable[[Any, bool], str]] = {
    codes.LITERAL: lambda argument, _: _character(argument),
    codes.NOT_LITERAL: lambda argument, _: f"[^{_character(argument)}]",
    codes.ANY: lambda _, __: r"[^\n]",
    codes.IN: _set,
    codes.MAX_REPEAT: _repeat,
    codes.MIN_REPEAT: _repeat,
}

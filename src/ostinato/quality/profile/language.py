"""In which language and script short texts are written, guessed from their commonest words; for reports, not for decisions."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_COMMON = {
    "English": "the and of to in is you that it for on are with this be at have not my your me all we was i'm don't love",
    "German": "der die das und ist nicht ich du ein eine mit auf für den dem zu von im wir sie es auch nur dich mich liebe",
    "French": "le la les et des un une du est que je tu pas pour dans sur avec au mon toi moi ne ce qui amour jour",
    "Spanish": "el la los las y de que en un una por con no para mi tu te se es lo más del como yo amor vida",
    "Italian": "il la che di non un una per con mi ti si è del della sono come ma io amore anche questo nel più",
    "Portuguese": "o a os as e de que não um uma por com para meu você te se é do da em no mais eu amor",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_FEWEST = 30  # common words that a guess needs
_AHEAD = 1.25  # how far the first language has to be before the second


def language_of(texts: Iterable[str]) -> str | None:
    """The language that most of the texts are in, the script where it is not Latin, None where nothing speaks for one.

    >>> language_of(["the love of my life is not for you", "we are all in this with you and me"] * 5)
    'English'
    """
    seen: Counter[str] = Counter()
    scripts: Counter[str] = Counter()
    for text in texts:
        tokens = _TOKEN.findall(text.casefold())
        scripts.update(_script(token[0]) for token in tokens)
        for language, common in _WORDS.items():
            seen[language] += sum(token in common for token in tokens)
    if not scripts:
        return None
    script, tokens_in = max(scripts.items(), key=lambda item: (item[1], item[0]))
    if script != "Latin":
        return f"{script} script" if tokens_in > 0.5 * sum(scripts.values()) else None
    (first, hits), (_, next_hits) = sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:2]
    return first if hits >= _FEWEST and hits >= _AHEAD * next_hits else None


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "OTHER").split()[0]
    return {"CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana"}.get(name, name.capitalize())

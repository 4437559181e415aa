"""What the columns of a table of tracks are for, decided by name and by content, once for all rooms."""

from __future__ import annotations

import pandas as pd

from ostinato.core.tracks import RIGHTS

KEYS = frozenset({"track_id", "path", "sha256"})
FACTS = frozenset({"bytes", "sample_rate", "channels", "duration"})  # measured on the file, never guessed
GROUPS = frozenset({"work", "artist", "album", "composer", "performer", "author", "title", "session", "user"})
TEXT = KEYS | GROUPS | {"label", "licence", "territory"}  # stays text whatever it looks like
IMPUTED = "imputed"  # names of the columns that were filled in this row, joined by commas
_MOST_CATEGORIES = 50
_LEAST_ROWS_A_CATEGORY = 5


def is_protected(name: str) -> bool:
    """Whether a column is never imputed: keys, facts of the file, rights, groups, the label, anything that ends in _id.

    >>> is_protected("artist_id"), is_protected("tempo")
    (True, False)
    """
    return name in KEYS | FACTS | set(RIGHTS) | GROUPS | {"label", IMPUTED} or name.endswith(("_id", "_key"))


def is_categorical(values: pd.Series) -> bool:
    """Whether text repeats enough to be a category, at most 50 values, 5 rows each on average, else free."""
    distinct, rows = values.nunique(), values.notna().sum()
    return bool(0 < distinct <= _MOST_CATEGORIES and rows >= _LEAST_ROWS_A_CATEGORY * distinct)


def known(tracks: pd.DataFrame, column: str) -> pd.Series:
    """Which rows hold a value of `column` that the source stated, (n_tracks,) of bool: not null and not imputed.

    A target must be learnt only from rows where this holds.
    """
    stated = tracks[column].notna()
    if IMPUTED not in tracks:
        return stated
    return stated & ~tracks[IMPUTED].fillna("").str.split(",").map(lambda filled: column in filled)


def described(tracks: pd.DataFrame) -> list[str]:
    """Numeric columns that describe tracks, in the table's order: those a model may take and monitoring watches."""
    return [
        name
        for name in tracks.columns
        if not is_protected(name)
        and pd.api.types.is_numeric_dtype(tracks[name])
        and not pd.api.types.is_bool_dtype(tracks[name])
    ]

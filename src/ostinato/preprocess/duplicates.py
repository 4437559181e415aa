"""Find tracks that are in the catalogue more than once."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Duplicates:
    """`extra` are copies of a track that is kept; `conflicting` are copies of one recording under different labels."""

    extra: tuple[str, ...]
    conflicting: tuple[str, ...]


@dataclass(frozen=True)
class Repeats:
    """Rows of keys that come more than once: `extra` rows beyond the first, in which columns they differ, and how often.

    `conflicting` are keys whose rows carry different labels; none of their rows can be believed.
    """

    extra: int
    differing: dict[str, int]
    conflicting: tuple[str, ...]


def one_row_a_key(tracks: pd.DataFrame) -> tuple[pd.DataFrame, Repeats]:
    """The first row of each track_id, and what was left out.

    >>> import pandas as pd
    >>> kept, repeats = one_row_a_key(pd.DataFrame({"track_id": ["a", "a", "b"], "playlist": ["x", "y", "x"]}))
    >>> kept["playlist"].tolist(), repeats.extra, repeats.differing
    (['x', 'x'], 1, {'playlist': 1})
    """
    again = tracks.duplicated("track_id").to_numpy()
    if not again.any():
        return tracks, Repeats(0, {}, ())
    twice = tracks[tracks["track_id"].isin(tracks.loc[again, "track_id"])]
    others = [name for name in tracks.columns if name not in ("track_id", "sha256")]
    values = twice.groupby("track_id", sort=True)[others].nunique(dropna=False)
    counts = {str(name): int((values[name] > 1).sum()) for name in others}
    known = twice.groupby("track_id", sort=True)["label"].nunique() if "label" in twice else pd.Series(dtype="int64")
    conflicting = tuple(map(str, known.index[known > 1]))
    kept = tracks[~again & ~tracks["track_id"].isin(conflicting).to_numpy()]
    return kept, Repeats(int(again.sum()), {name: n for name, n in counts.items() if n}, conflicting)


def find_duplicates(tracks: pd.DataFrame) -> Duplicates:
    """Keys of the tracks to drop, sorted, from a table with unique track_id.

    Tracks are copies where their audio has equal bytes (`sha256`, where there is a path). The first by track_id stays,
    one that has a label before one that has none. Where copies carry different labels no one knows which is right, and
    none stays: a wrong label would be learnt, and its twin would stand in another fold.
    """
    audio = tracks[tracks["path"].notna() & tracks["sha256"].notna()]
    copies = audio[audio.duplicated("sha256", keep=False)]
    extra: list[str] = []
    conflicting: list[str] = []
    for _, group in copies.groupby("sha256", sort=True):
        if group["label"].nunique() > 1:
            conflicting.extend(group["track_id"])
        else:
            order = group.assign(unlabelled=group["label"].isna()).sort_values(["unlabelled", "track_id"])
            extra.extend(order["track_id"].iloc[1:])
    return Duplicates(tuple(sorted(extra)), tuple(sorted(conflicting)))

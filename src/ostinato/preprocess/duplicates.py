"""Find tracks that are in the catalogue more than once."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Duplicates:
    """`extra` are copies of a track that is kept; `conflicting` are copies of one recording under different labels."""

    extra: tuple[str, ...]
    conflicting: tuple[str, ...]


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

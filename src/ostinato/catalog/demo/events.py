"""Listening events of the demo: simulated, from preferences that are stated here, and no person's behaviour.

Each of 200 users likes a few labels and a few instruments more than the rest; a track is chosen by its popularity times how
much the user likes it. What is liked is played to its end and sometimes marked; what is not is skipped after a while.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ostinato.catalog.demo.recipe import draw
from ostinato.catalog.table import typed_events

USERS = 200
START = pd.Timestamp("2025-01-06", tz="UTC")
DAYS = 84
_FEWEST, _MOST = 20, 80  # events a user
_TASTE = 2.0  # how sharply users prefer: weights are exponentials of this times a number in [0, 1)
_LIKED = 0.6  # tracks better liked than this share of all are played to the end
_MARKED = 0.3  # share of those that the user marks


def simulate_events(tracks: pd.DataFrame, seconds: float, seed: int) -> pd.DataFrame:
    """Events for a table of tracks (columns track_id, label, instrument), sorted by time; `seconds` is a clip's length."""
    popularity = np.array([draw(seed, "popularity", track) for track in tracks["track_id"]]) ** 3
    frames = [_of_user(f"user-{number:03d}", tracks, popularity, seconds, seed) for number in range(1, USERS + 1)]
    return typed_events(pd.concat(frames, ignore_index=True))


def _of_user(
    user: str, tracks: pd.DataFrame, popularity: NDArray[np.float64], seconds: float, seed: int
) -> pd.DataFrame:
    def liking(column: str) -> NDArray[np.float64]:
        shares = {value: draw(seed, user, column, value) for value in sorted(tracks[column].unique())}
        return tracks[column].map(shares).to_numpy(dtype=np.float64)

    # PCG64's uniform doubles are the same in every version of numpy; other distributions are promised no such thing
    rng = np.random.Generator(np.random.PCG64(int(draw(seed, user) * (1 << 48))))
    count = _FEWEST + int(draw(seed, user, "events") * (_MOST - _FEWEST + 1))
    liked = 0.7 * liking("label") + 0.3 * liking("instrument")
    weights = np.exp(_TASTE * 3 * liked) * (0.05 + popularity)
    chosen = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(count))
    chosen = np.minimum(chosen, len(tracks) - 1)
    rank = (np.argsort(np.argsort(liked, kind="stable"), kind="stable") / len(tracks))[chosen]
    played = rng.random(count) < 0.15 + 0.8 * (rank > _LIKED)
    marked = played & (rng.random(count) < _MARKED)
    heard = np.where(played, 1.0, 0.05 + 0.6 * rng.random(count))
    at = np.sort(rng.random(count) * DAYS * 86_400).astype(np.int64)
    return pd.DataFrame(
        {
            "user_id": user,
            "track_id": tracks["track_id"].to_numpy()[chosen],
            "at": START + pd.to_timedelta(at, unit="s"),
            "kind": np.where(marked, "like", np.where(played, "play", "skip")),
            "seconds": np.round(heard * seconds, 1),
        }
    )

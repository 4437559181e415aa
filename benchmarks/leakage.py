"""How many planted leaks the auditor names, and how often it cries wolf on clean splits.

    python -m benchmarks.leakage [--seeds 3] [--verbose]

Clean tables are made here, carried by scikit-learn, or lie in `../shared/data/tables`; those that hold true duplicates (songs
released twice, clips that are known copies) are first freed of them, and split by artist where they have one. Into each table
each kind of leak that suits it is planted in several forms and the same audit must name its kind. Exit code 1 where a kind is
missed or a clean table alarms.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ostinato.features.folds import folds_for
from ostinato.features.leakage import KINDS, LeakageAuditor, LeakageReport

TABLES = Path(__file__).resolve().parents[2] / "shared" / "data" / "tables"
# clips of GTZAN that are other clips of it again, which the auditor rightly names: of jazz.00033, 35, 39, 40, 46, pop.00045, 52, 56
TWICE = ("jazz.00051", "jazz.00055", "jazz.00065", "jazz.00067", "jazz.00072", "pop.00046", "pop.00057", "pop.00059")
BOUND_SECONDS = 10.0  # 100,000 rows of 50 columns


@dataclass(frozen=True)
class Case:
    """A table with its folds and what else is known of the rows."""

    name: str
    X: pd.DataFrame
    y: Any
    folds: NDArray[np.int64]
    groups: Any = None
    time: Any = None
    ids: Any = None
    recordings: Any = None
    preprocessing: Any = None

    def audit(self) -> LeakageReport:
        known = {name: getattr(self, name) for name in ("groups", "time", "ids", "recordings", "preprocessing")}
        return LeakageAuditor().audit(self.X, self.y, self.folds, **known)


def case(name: str, X: Any, y: Any, seed: int, problem: str, groups: Any = None, time: Any = None) -> Case:
    """A clean split of a table: as `folds_for` chooses, one fold being the test."""
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X, columns=[f"c{n}" for n in range(np.shape(X)[1])])
    plan = folds_for(problem, y, groups, time, folds=5, seed=seed)  # type: ignore[arg-type]
    fold = plan.fold - 1 if time is None else np.where(plan.fold == plan.fold.max(), -1, plan.fold)
    return Case(name, frame.reset_index(drop=True), np.asarray(y), fold, groups, time)


# --- clean tables -----------------------------------------------------------------------------------------------------


def made(seed: int) -> Iterator[Case]:
    """Tables of every shape, without a leak."""
    rng = np.random.default_rng(seed)
    n = 1200
    X = rng.normal(size=(n, 12))
    y = (X[:, 0] + X[:, 1] + rng.normal(size=n) > 0).astype(int)
    yield case("gaussian", X, y, seed, "binary")
    mixing = rng.normal(size=(4, 20))
    latent = rng.normal(size=(n, 4))
    yield case(
        "correlated",
        latent @ mixing + 0.1 * rng.normal(size=(n, 20)),
        latent[:, 0] * 2 + rng.normal(size=n),
        seed,
        "regression",
    )
    yield case("3 binary columns", rng.integers(0, 2, (n, 3)), rng.integers(0, 2, n), seed, "binary")
    yield case("10 categories of 4", rng.integers(0, 4, (n, 10)).astype(str), rng.integers(0, 3, n), seed, "multiclass")
    hot = np.eye(6)[rng.integers(0, 6, (n, 4))].reshape(n, -1)
    yield case("one-hot", hot, rng.integers(0, 2, n), seed, "binary")
    yield case("counts", rng.poisson(2, (n, 8)), rng.poisson(3, n).astype(float), seed, "regression")
    sparse = np.where(rng.random((n, 30)) < 0.1, rng.lognormal(size=(n, 30)), 0)
    yield case("sparse", sparse, (sparse[:, 0] > 0).astype(int) ^ (rng.random(n) < 0.2), seed, "binary")
    yield case("heavy tails", rng.standard_cauchy((n, 6)), rng.lognormal(size=n), seed, "regression")
    centre = rng.integers(0, 4, n)
    yield case(
        "far blobs", rng.normal(size=(n, 6)) + 12 * np.eye(6)[centre] + 6 * centre[:, None], centre, seed, "multiclass"
    )
    yield case("wide", rng.normal(size=(90, 400)), rng.integers(0, 2, 90), seed, "binary")
    base = np.round(rng.normal(20, 3, n))
    yield case(
        "functions of one column",
        np.stack([base, 2 * base + 1, base**2, -base], axis=1),
        rng.normal(size=n),
        seed,
        "regression",
    )
    yield case("rounded", np.round(rng.normal(size=(n, 5)), 1), rng.normal(size=n), seed, "regression")
    yield _mixed(rng, n, seed)
    yield _grouped(rng, n, seed)
    yield _ordered(rng, n, seed)
    small = rng.normal(size=(24, 3))
    yield case("24 rows", small, rng.integers(0, 2, 24), seed, "binary")
    large = np.concatenate([rng.normal(size=(12_000, 6)), rng.integers(0, 5, (12_000, 3))], axis=1)
    yield case("12,000 rows", large, large[:, 0] + rng.normal(size=12_000), seed, "regression")


def _mixed(rng: np.random.Generator, n: int, seed: int) -> Case:
    words = np.array(["red", "green", "blue", "grün"], dtype=object)
    frame = pd.DataFrame(
        {
            "colour": rng.choice(words, n),
            "amount": np.where(rng.random(n) < 0.15, np.nan, rng.lognormal(3, 1, n)),
            "age": rng.integers(18, 90, n),
            "note": [" ".join(rng.choice(["good", "bad", "slow", "fast", "new", "old"], 6)) for _ in range(n)],
            "joined": pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), unit="D"),
            "flag": rng.random(n) < 0.3,
            "final_price": rng.normal(size=n),
            "score": rng.normal(size=n),
            "constant": 1,
        }
    )
    frame.loc[rng.random(n) < 0.2, "colour"] = None
    return case(
        "mixed with gaps", frame, np.where(frame["score"] + rng.normal(size=n) > 0, "yes", "no"), seed, "binary"
    )


def _grouped(rng: np.random.Generator, n: int, seed: int) -> Case:
    group = rng.integers(0, 150, n)
    own = rng.normal(size=(150, 8))
    X = own[group] + 0.5 * rng.normal(size=(n, 8))
    done = case("grouped", X, group % 3, seed, "multiclass", groups=group)
    return replace(
        done, recordings=np.array([f"artist{g}/song_{i:04d}.wav" for i, g in enumerate(group)], dtype=object)
    )


def _ordered(rng: np.random.Generator, n: int, seed: int) -> Case:
    when = pd.Timestamp("2019-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 1500, n)), unit="D")
    walk = np.cumsum(rng.normal(size=n))
    X = pd.DataFrame({"before": np.roll(walk, 20), "noise": rng.normal(size=n), "day": when.dayofweek})
    return case("in time", X, walk, seed, "regression", time=np.asarray(when))


def carried(seed: int) -> Iterator[Case]:
    """scikit-learn's tables."""
    from sklearn import datasets

    for name in ("iris", "wine", "breast_cancer", "digits"):
        found = getattr(datasets, f"load_{name}")(as_frame=True)
        whole = found.data.assign(y=found.target).drop_duplicates(list(found.data.columns))  # wine has none, iris one
        yield case(name, whole.drop(columns="y"), whole["y"].to_numpy(), seed, "multiclass")
    found = datasets.load_diabetes(as_frame=True, scaled=False)
    yield case("diabetes", found.data, found.target.to_numpy(), seed, "regression")
    found = datasets.load_linnerud(as_frame=True)
    yield case("linnerud", found.data, found.target["Weight"].to_numpy(), seed, "regression")


def shared(seed: int) -> Iterator[Case]:
    """The tables of music and of telephone customers, where they lie."""
    if not TABLES.is_dir():
        return
    churn = pd.read_csv(TABLES / "churn" / "WA_Fn-UseC_-Telco-Customer-Churn.csv")
    yield case("churn", churn.drop(columns=["customerID", "Churn"]), churn["Churn"].to_numpy(), seed, "binary")
    gtzan = pd.read_csv(TABLES / "gtzan_features" / "features_30_sec.csv")
    gtzan = gtzan[~gtzan["filename"].str.extract(r"(\w+\.\d+)")[0].isin(TWICE)]
    gtzan = _without_twins(gtzan, [name for name in gtzan.columns if name.startswith(("mfcc", "chroma", "spectral"))])
    yield case("gtzan", gtzan.drop(columns=["filename", "label"]), gtzan["label"].to_numpy(), seed, "multiclass")
    for decade in ("60s", "90s", "10s"):
        hits = pd.read_csv(TABLES / "hits" / f"dataset-of-{decade}.csv")
        hits = hits.drop_duplicates(["track", "artist"])
        hits = _without_twins(hits, ["loudness", "tempo", "duration_ms", "chorus_hit", "valence", "danceability"])
        X = hits.drop(columns=["uri", "track", "artist", "target", "decade"])
        yield case(f"hits {decade}", X, hits["target"].to_numpy(), seed, "binary", groups=hits["artist"].to_numpy())
    songs = pd.read_csv(TABLES / "popularity" / "spotify_songs.csv").drop_duplicates("track_id")
    songs = songs.drop_duplicates(["track_name", "track_artist"]).dropna(subset=["track_name"])
    songs = _without_twins(songs, ["loudness", "tempo", "danceability", "energy", "valence", "acousticness"])
    kept = ["danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness"]
    X = songs[[*kept, "liveness", "valence", "tempo", "duration_ms", "track_album_release_date"]]
    y = songs["track_popularity"].to_numpy(dtype=float)
    yield case("popularity by artist", X, y, seed, "regression", groups=songs["track_artist"].to_numpy())
    X, when = (
        X.drop(columns="track_album_release_date"),
        pd.to_datetime(songs["track_album_release_date"], format="ISO8601"),
    )
    yield case("popularity in time", X, y, seed, "regression", time=when.to_numpy())
    yield _moods(seed)


def _moods(seed: int) -> Case:
    lines = (TABLES / "mood" / "emotions.arff").read_text().splitlines()
    names = [line.split()[1] for line in lines if line.lower().startswith("@attribute")]
    rows = [line.split(",") for line in lines if line and line[0] not in "@%"]
    table = pd.DataFrame(rows, columns=names).astype(float)
    labels = table.columns[-6:]
    return case("mood", table.drop(columns=labels), table[labels].to_numpy(), seed, "multilabel")


def _without_twins(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Without rows that agree with an earlier one in nearly all of these columns, to three digits: one song under two names."""
    values = table[columns].to_numpy(dtype=float)
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    drop = np.zeros(len(table), dtype=bool)
    for column in range(len(columns)):
        order = np.argsort(scaled[:, column], kind="stable")
        for step in range(1, 40):
            one, other = order[:-step], order[step:]
            same = (np.abs(scaled[one] - scaled[other]) < 0.05).mean(axis=1) >= 0.8
            drop[np.maximum(one[same], other[same])] = True
    return table[~drop].reset_index(drop=True)


# --- planted leaks ----------------------------------------------------------------------------------------------------

Planter = Callable[[Case, np.random.Generator], "Case | None"]
PLANTED: list[tuple[str, str, Planter]] = []


def planted(kind: str, form: str) -> Callable[[Planter], Planter]:
    def add(planter: Planter) -> Planter:
        PLANTED.append((kind, form, planter))
        return planter

    return add


def _numbers(X: pd.DataFrame) -> list[str]:
    return [
        name
        for name in X.columns
        if pd.api.types.is_float_dtype(X[name]) and X[name].nunique() > max(20, len(X) / 4) and X[name].std() > 0
    ]


def _across(each: Case, rng: np.random.Generator, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows to copy and rows of other folds that become their copies."""
    chosen = rng.permutation(len(each.X))[: 3 * count]
    one, other = chosen[:count], chosen[count : 2 * count]
    apart = each.folds[one] != each.folds[other]
    return one[apart], other[apart]


def _rich(each: Case) -> bool:
    """Whether equal rows would be a surprise in this table at all."""
    return len(_numbers(each.X)) >= 4 and len(each.X) >= 80


@planted("exact_duplicates", "2 % of the rows")
def _exact(each: Case, rng: np.random.Generator) -> Case | None:
    if not _rich(each):
        return None
    X = each.X.copy()
    one, other = _across(each, rng, max(4, len(X) // 50))
    X.iloc[other] = X.iloc[one].to_numpy()
    return replace(each, X=X)


@planted("exact_duplicates", "4 rows")
def _few(each: Case, rng: np.random.Generator) -> Case | None:
    if not _rich(each):
        return None
    X = each.X.copy()
    one, other = _across(each, rng, 6)
    X.iloc[other] = X.iloc[one].to_numpy()
    return replace(each, X=X) if len(one) else None


def _blurred(each: Case, rng: np.random.Generator, noise: float) -> Case | None:
    names = _numbers(each.X)
    if not _rich(each) or len(names) < 0.5 * each.X.shape[1]:
        return None
    X = each.X.copy()
    one, other = _across(each, rng, max(6, len(X) // 50))
    values = X.iloc[one].to_numpy(copy=True)
    X.iloc[other] = values
    codes = np.unique(each.y, return_inverse=True)[1] if each.y.ndim == 1 else np.zeros(len(X))
    own = each.X[names].groupby(codes if codes.max() < 20 else np.zeros(len(X)))
    spread = (own.quantile(0.75) - own.quantile(0.25)).median()
    for name in names:
        place = X.columns.get_loc(name)
        X.iloc[other, place] = X.iloc[one, place].to_numpy() + noise * spread[name] * rng.normal(size=len(one))
    return replace(each, X=X)


@planted("near_duplicates", "noise of 0.1 %")
def _near(each: Case, rng: np.random.Generator) -> Case | None:
    return _blurred(each, rng, 1e-3)


@planted("near_duplicates", "noise of 1 %")
def _nearer(each: Case, rng: np.random.Generator) -> Case | None:
    return _blurred(each, rng, 1e-2)


@planted("groups_across_folds", "shuffled")
def _groups(each: Case, rng: np.random.Generator) -> Case | None:
    if len(each.X) < 60:
        return None
    groups = np.array([f"g{n}" for n in rng.integers(0, len(each.X) // 6, len(each.X))], dtype=object)
    return replace(each, groups=groups)


def _values(each: Case) -> NDArray[Any] | None:
    """The target as numbers: classes by their code; none for several labels or few rows."""
    if each.y.ndim > 1 or len(each.y) < 80:
        return None
    if each.y.dtype.kind == "f":
        return each.y.astype(float)
    return np.unique(each.y.astype(str), return_inverse=True)[1].astype(float)


COPIES: dict[str, Callable[[NDArray[Any], np.random.Generator], Any]] = {
    "as it is": lambda y, rng: y,
    "affine": lambda y, rng: 3.7 - 0.2 * y,
    "cubed": lambda y, rng: y**3,
    "exponential": lambda y, rng: np.exp(-y / (y.std() or 1)),
    "noise of 2 %": lambda y, rng: y + 0.02 * y.std() * rng.normal(size=len(y)),
    "noise of 5 %": lambda y, rng: y + 0.05 * y.std() * rng.normal(size=len(y)),
    "as other words": lambda y, rng: (
        [f"k{hash(v) % 9973}" for v in np.round(y, 6)] if len(set(y)) <= 20 else y[::-1][::-1]
    ),
    "in five words": lambda y, rng: (
        np.array(list("edcba"))[np.searchsorted(np.quantile(y, [0.2, 0.4, 0.6, 0.8]), y)] if len(set(y)) > 20 else y
    ),
    "with gaps": lambda y, rng: np.where(rng.random(len(y)) < 0.005, np.nan, y),
}


def _copy(form: str) -> Planter:
    def plant(each: Case, rng: np.random.Generator) -> Case | None:
        y = _values(each)
        if y is None or len(_numbers(each.X)) == len(each.X.columns) == 0:
            return None
        return replace(each, X=each.X.assign(another=COPIES[form](y, rng)))

    return plant


for _form in COPIES:
    PLANTED.append(("target_copy", _form, _copy(_form)))


@planted("target_copy", "difference of two columns")
def _difference(each: Case, rng: np.random.Generator) -> Case | None:
    y = _values(each)
    if y is None or each.y.dtype.kind != "f":
        return None
    start = rng.normal(size=len(y)) * y.std() * 3
    return replace(each, X=each.X.assign(opened=start, ended_at=start + y))


@planted("after_outcome", "filled for one class")
def _filled(each: Case, rng: np.random.Generator) -> Case | None:
    y = _values(each)
    if y is None or each.y.dtype.kind == "f" or (y == 0).sum() < 60 or (y == 0).mean() > 0.85:
        return None
    there = (y == 0) & (rng.random(len(y)) < 0.6)
    return replace(each, X=each.X.assign(reason=np.where(there, rng.choice(["a", "b", "c"], len(y)), None)))


@planted("after_outcome", "zero but for one class")
def _zero(each: Case, rng: np.random.Generator) -> Case | None:
    y = _values(each)
    if y is None or each.y.dtype.kind == "f" or (y == 0).sum() < 60 or (y == 0).mean() > 0.75:
        return None
    there = (y == 0) & (rng.random(len(y)) < 0.8)
    return replace(each, X=each.X.assign(fee=np.where(there, rng.lognormal(size=len(y)), 0.0)))


@planted("after_outcome", "missing below a value")
def _missing(each: Case, rng: np.random.Generator) -> Case | None:
    y = _values(each)
    if y is None or each.y.dtype.kind != "f":
        return None
    return replace(each, X=each.X.assign(follow_up=np.where(y > np.median(y), rng.normal(size=len(y)), np.nan)))


@planted("after_outcome", "dates after the prediction")
def _dates(each: Case, rng: np.random.Generator) -> Case | None:
    if each.time is None or not np.issubdtype(np.asarray(each.time).dtype, np.datetime64):
        return None
    later = pd.to_datetime(each.time) + pd.to_timedelta(rng.integers(-100, 30, len(each.X)), unit="D")
    return replace(each, X=each.X.assign(last_seen=np.asarray(later)))


@planted("temporal_order", "shuffled over time")
def _shuffled(each: Case, rng: np.random.Generator) -> Case | None:
    if len(each.X) < 60:
        return None
    when = each.time if each.time is not None else np.arange(len(each.X), dtype=float)
    return replace(each, time=when, folds=rng.integers(-1, 4, len(each.X)))


@planted("temporal_order", "the test is the earliest")
def _earliest(each: Case, rng: np.random.Generator) -> Case | None:
    when = np.arange(len(each.X), dtype=float)
    return replace(each, time=when, folds=np.minimum(np.arange(len(each.X)) * 5 // len(each.X), 4) - 1)


SLICES = {
    "part": "rec_{song:03d}_part{part}.wav",
    "slice": "live/rec {song} - slice {part}.flac",
    "seconds": "rec{song:04d}.wav#t={part}0",
    "range": "rec{song}_{part}0-{part}9s.ogg",
    "folders": "{side}/rec{song:03d}_seg{part:03d}.wav",
    "two numbers": "blues.{song:05d}.{part}.wav",
}


def _sliced(form: str) -> Planter:
    def plant(each: Case, rng: np.random.Generator) -> Case | None:
        if len(each.X) < 60:
            return None
        song, part = np.divmod(rng.permutation(len(each.X)), 5)
        sides = ["test" if fold == -1 else "train" for fold in each.folds]
        names = [SLICES[form].format(song=s, part=p, side=side) for s, p, side in zip(song, part, sides, strict=True)]
        return replace(each, recordings=np.array(names, dtype=object))

    return plant


for _form in SLICES:
    PLANTED.append(("recording_slices", _form, _sliced(_form)))


@planted("recording_slices", "hashes")
def _hashes(each: Case, rng: np.random.Generator) -> Case | None:
    hashes = np.array([f"{n:016x}" for n in range(len(each.X))], dtype=object)
    one, other = _across(each, rng, 8)
    hashes[other] = hashes[one]
    return replace(each, recordings={"sha256": hashes}) if len(one) else None


def _stats(each: Case, rows: NDArray[Any]) -> dict[str, dict[str, Any]]:
    own = each.X.iloc[rows][_numbers(each.X)]
    return {
        name: {"mean": own[name].mean(), "scale": own[name].std(ddof=0), "median": own[name].median()} for name in own
    }


@planted("preprocessing", "statistics of all rows")
def _claimed(each: Case, rng: np.random.Generator) -> Case | None:
    return replace(each, preprocessing=_stats(each, np.arange(len(each.X)))) if _numbers(each.X) else None


@planted("preprocessing", "standardised over all rows")
def _standardised(each: Case, rng: np.random.Generator) -> Case | None:
    names = _numbers(each.X)
    if not names or len(each.X) < 60:
        return None
    own = each.X[names]
    scaled = ((own - own.mean()) / own.std(ddof=0)).astype("float32")
    return replace(each, X=each.X.drop(columns=names).join(scaled))


def _encoded(each: Case, rng: np.random.Generator, smooth: float) -> Case | None:
    y = _values(each)
    if y is None or len(y) < 200:
        return None
    code = rng.integers(0, 25, len(y))
    y = y if each.y.dtype.kind == "f" else (y == 0).astype(float)
    count, total = np.bincount(code, minlength=25), np.bincount(code, weights=y, minlength=25)
    return replace(each, X=each.X.assign(city=((total + smooth * y.mean()) / (count + smooth))[code]))


@planted("preprocessing", "target encoding over all rows")
def _encoding(each: Case, rng: np.random.Generator) -> Case | None:
    return _encoded(each, rng, 0.0)


@planted("preprocessing", "smoothed target encoding")
def _smoothed(each: Case, rng: np.random.Generator) -> Case | None:
    return _encoded(each, rng, 10.0)


IDS: dict[str, Callable[[int, np.random.Generator], Any]] = {
    "row numbers": lambda n, rng: np.arange(n),
    "shuffled numbers": lambda n, rng: rng.permutation(n) + 1000,
    "hashes": lambda n, rng: [f"{v:016x}" for v in rng.integers(2**60, 2**63, n)],
    "words with numbers": lambda n, rng: [f"customer-{v}" for v in rng.permutation(n)],
}


def _named(form: str) -> Planter:
    def plant(each: Case, rng: np.random.Generator) -> Case | None:
        return replace(each, X=each.X.assign(whose=IDS[form](len(each.X), rng))) if len(each.X) >= 60 else None

    return plant


for _form in IDS:
    PLANTED.append(("identifier", _form, _named(_form)))


# --- figures ----------------------------------------------------------------------------------------------------------


def clean_splits(each: Case) -> Iterator[tuple[str, Case]]:
    """The clean split itself, and what must not alarm about it."""
    yield "", each
    if each.time is None and _numbers(each.X):
        learnt = np.flatnonzero(each.folds != -1)
        yield " (fitted on training rows)", replace(each, preprocessing=_stats(each, learnt))
        names, own = _numbers(each.X), each.X.iloc[learnt][_numbers(each.X)]
        scaled = (each.X[names] - own.mean()) / own.std(ddof=0)
        yield " (scaled by training rows)", replace(each, X=each.X.drop(columns=names).join(scaled))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="tables whose name holds one of these words, by commas")
    parser.add_argument("--verbose", action="store_true")
    said = parser.parse_args()
    hit: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    alarms: Counter[str] = Counter()
    misses: list[str] = []
    audits, beside = 0, 0
    began = time.perf_counter()
    for seed in range(said.seeds):
        for each in [
            own
            for own in (*made(seed), *carried(seed), *shared(seed))
            if any(word in own.name for word in said.only.split(","))
        ]:
            for form, one in clean_splits(each):
                found = one.audit().findings
                audits += 1
                if found:
                    alarms[each.name + form] += 1
                    if said.verbose:
                        print("ALARM", seed, each.name + form, *found, sep="\n   ")
            for number, (kind, form, planter) in enumerate(PLANTED):
                leaky = planter(each, np.random.default_rng([seed, number]))
                if leaky is None:
                    continue
                kinds = {finding.kind for finding in leaky.audit().findings}
                hit[kind, form][0] += kind in kinds
                hit[kind, form][1] += 1
                beside += bool(kinds - {kind})
                if kind not in kinds:
                    misses.append(f"{seed} {each.name}: {kind}, {form}; found {sorted(kinds)}")
    if said.verbose:
        print("MISSED", *misses, sep="\n   ")
    return report(hit, alarms, audits, beside, time.perf_counter() - began)


def large() -> float:
    """Seconds of an audit of 100,000 rows and 50 columns, numbers and words with gaps."""
    rng = np.random.default_rng(0)
    n = 100_000
    X = pd.DataFrame(rng.normal(size=(n, 40)), columns=[f"n{i}" for i in range(40)])
    for i in range(10):
        X[f"w{i}"] = rng.choice(["a", "b", "c", None], n)
    X.iloc[n // 2 : n // 2 + 200] = X.iloc[:200].to_numpy()
    y = (X["n0"].astype(float) + rng.normal(size=n) > 0).astype(int)
    folds = folds_for("binary", y).fold
    began = time.perf_counter()
    LeakageAuditor().audit(X, y, folds, groups=np.arange(n), recordings=np.arange(n).astype(str))
    return time.perf_counter() - began


def report(
    hit: dict[tuple[str, str], list[int]], alarms: Counter[str], audits: int, beside: int, seconds: float
) -> int:
    table = Table("kind", "planted as", "named", "of", title="planted leaks")
    worst = 0
    for kind in KINDS:
        for (own, form), (named, of) in hit.items():
            if own == kind:
                worst += named < of
                table.add_row(kind, form, str(named), str(of))
    took = large()
    console = Console()
    console.print(table)
    console.print(f"clean splits: {sum(alarms.values())} of {audits} alarm {dict(alarms) or ''}")
    console.print(f"planted leaks that also raised another kind: {beside}")
    console.print(f"100,000 rows of 50 columns: {took:.1f} s (bound {BOUND_SECONDS:.0f} s); all audits {seconds:.0f} s")
    return int(worst > 0 or bool(alarms) or took > BOUND_SECONDS)


if __name__ == "__main__":
    sys.exit(main())

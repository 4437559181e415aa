"""`AudioFeatureExtractor`: audio files to a table of features, on all cores, each content heard once."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from ostinato.audio.pool import FEW, Outcome, vectors
from ostinato.audio.presets import PRESETS, VERSION, Hearing
from ostinato.audio.worker import Vector, vector_of
from ostinato.core.errors import UsageError
from ostinato.core.hashing import sha256_of_file, sha256_of_value
from ostinato.core.progress import Advance, track
from ostinato.core.settings import settings

if TYPE_CHECKING:
    import pandas as pd

CHANGED = "changed since ingest"
_LEAST = {"sr": 1_000, "n_fft": 64, "hop_length": 16}
_CHANGED_MEANWHILE = "changed while it was read"


class VectorCache(Protocol):
    """Where vectors are kept by key; `ostinato.features.cache.FeatureCache` is one."""

    def get(self, key: str) -> Vector | None:
        """The vector kept under `key`, or None."""

    def put(self, key: str, vector: Vector) -> None:
        """Keep a vector."""


@dataclass(frozen=True)
class _Content:
    """What a file held when it was looked at: the SHA-256 of its bytes, or "" and the problem."""

    digest: str
    stamp: tuple[int, int] | None
    problem: str = ""


def _content(path: str) -> _Content:
    try:
        stamp = _stamp(path)
        return _Content(sha256_of_file(Path(path)), stamp)
    except (OSError, ValueError) as error:
        return _Content("", None, str(getattr(error, "strerror", None) or error))


def _stamp(path: str) -> tuple[int, int] | None:
    """Size and time of change."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


class AudioFeatureExtractor:
    """Turns audio files into one row of numbers each, as a scikit-learn transformer.

    `preset` is `full` (everything, 1,739 columns), `fma` (the FMA data set's 518 columns), `fast` (librosa's cheap spectral
    features) or `line` (timbre, and rhythm and tonality that tempo, key and loudness do not change: what the pipeline learns
    from). Clips are heard as mono at `sr` Hz with windows of `n_fft` samples every `hop_length`; `seconds` takes at most so
    much from the middle of each file. Without it a file is heard whole, and hours of it take little memory (but for `line`).
    `n_jobs` processes work side by side (default: the setting `OSTINATO_JOBS`, or every core); the numbers do not depend on
    it. `cache` keeps vectors by audio content, parameters and version: `ostinato.features.cache`.

    Columns are named `<librosa function>_<row>_<statistic>`, e.g. `mfcc_01_mean`; rows count from 01 and functions of
    one row have none. Statistics are mean, std (ddof 0), min, max, median, skew, kurtosis (excess).

    After `transform`, `failures_` maps each path that gave no row to the reason; `extracted_` and `cached_` count the
    rows that were computed and that the cache had.

    >>> extractor = AudioFeatureExtractor(preset="fast")
    >>> extractor.get_feature_names_out()[0], len(extractor.get_feature_names_out())
    ('mfcc_01_mean', 231)
    """

    failures_: dict[str, str]
    extracted_: int
    cached_: int

    def __init__(
        self,
        preset: str = "full",
        *,
        sr: int = 22_050,
        n_fft: int = 2_048,
        hop_length: int = 512,
        seconds: float | None = None,
        n_jobs: int | None = None,
        cache: VectorCache | None = None,
        cluster: str | None = None,
    ) -> None:
        self.preset = preset
        self.sr = sr
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.seconds = seconds
        self.n_jobs = n_jobs
        self.cache = cache
        self.cluster = cluster

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items() if k != 'cache')})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in list(inspect.signature(type(self)).parameters)}

    def set_params(self, **params: Any) -> Self:
        """Change arguments; raises UsageError for one that does not exist."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise UsageError(f"AudioFeatureExtractor has no parameter {name!r}; it has {', '.join(known)}")
            setattr(self, name, value)
        return self

    def fit(self, paths: object = None, y: object = None) -> Self:
        """Nothing to learn: checks the parameters and returns self."""
        self._hearing().check()
        return self

    def transform(self, paths: Iterable[Path | str], digests: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Features of `paths`, float32, indexed by path in the given order; a clip that failed is absent.

        `digests` maps paths to the SHA-256 that their content is expected to have; a file that has another one is a
        failure. Raises no AudioError: see `failures_`.
        """
        import pandas as pd

        how, names = self._hearing(), [os.fspath(path) for path in paths]
        how.check()
        distinct = list(dict.fromkeys(names))
        self.failures_, self.extracted_, self.cached_ = {}, 0, 0
        found: dict[str, Vector] = {}
        with track("extract", total=len(distinct), unit="clips") as advance:
            seen = self._looked_up(distinct, digests, found, advance)
            missing = [name for name in distinct if name not in found and name not in self.failures_]
            self._heard(missing, how, seen, found, advance)
        self.failures_ = {name: self.failures_[name] for name in distinct if name in self.failures_}
        columns = self.get_feature_names_out()
        kept = [name for name in names if name in found]
        table = np.stack([found[name] for name in kept]) if kept else np.empty((0, len(columns)), dtype=np.float32)
        return pd.DataFrame(table, index=pd.Index(kept, name="path", dtype=object), columns=columns)

    def fit_transform(self, paths: Iterable[Path | str], y: object = None) -> pd.DataFrame:
        """`fit` and `transform`."""
        return self.fit().transform(paths)

    def transform_waveform(self, y: npt.ArrayLike, sr: int) -> Vector:
        """Features of a mono signal, shape `(n_features,)`, float32; resampled where `sr` is not the extractor's.

        Raises AudioError where it is too short or not finite.
        """
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        from ostinato.audio.decode import as_waveform

        how = self._hearing()
        with threadpool_limits(1):
            return vector_of([as_waveform(y, sr, how.sr)], how, "waveform")

    def get_feature_names_out(self, input_features: object = None) -> list[str]:
        """Column names, in order."""
        return list(self._hearing().names())

    def cache_key(self, digest: str) -> str:
        """Under what a clip whose bytes have the SHA-256 `digest` is cached."""
        return sha256_of_value({"audio": digest, "version": VERSION, **asdict(self._hearing())})

    def _hearing(self) -> Hearing:
        if self.preset not in PRESETS:
            raise UsageError(f"preset {self.preset!r} does not exist; there are {', '.join(PRESETS)}")
        for name, least in _LEAST.items():
            if (value := getattr(self, name)) < least:
                raise UsageError(f"{name}={value!r} is too small; expected at least {least}")
        return Hearing(self.preset, self.sr, self.n_fft, self.hop_length, self.seconds)

    def _jobs(self) -> int:
        if self.n_jobs is None or self.n_jobs < 0:
            return settings().jobs or os.cpu_count() or 1
        return max(1, self.n_jobs)

    def _looked_up(
        self,
        paths: Sequence[str],
        digests: Mapping[str, str] | None,
        found: dict[str, Vector],
        advance: Advance,
    ) -> dict[str, _Content]:
        """Fill `found` from the cache and `failures_` with changed files; returns what each other file holds."""
        if self.cache is None and digests is None:
            return {}
        seen: dict[str, _Content] = {}
        with ExitStack() as stack:
            many = len(paths) > FEW  # a thread takes longer to start than a file to hash
            each = (
                stack.enter_context(ThreadPoolExecutor(self._jobs())).map(_content, paths)
                if many
                else map(_content, paths)
            )
            for path, content in zip(paths, each, strict=True):
                if digests is not None and content.digest != digests[path]:
                    self.failures_[path] = CHANGED if content.digest else f"{CHANGED}: {content.problem}"
                    advance()
                    continue
                vector = self.cache.get(self.cache_key(content.digest)) if self.cache and content.digest else None
                if vector is None:
                    seen[path] = content
                else:
                    found[path] = vector
                    self.cached_ += 1
                    advance()
        return seen

    def _heard(
        self,
        paths: Sequence[str],
        how: Hearing,
        seen: Mapping[str, _Content],
        found: dict[str, Vector],
        advance: Advance,
    ) -> None:
        """Extract `paths` into `found` or `failures_`, writing each vector to the cache as it comes."""
        for position, outcome in self._outcomes(paths, how, seen):
            path = paths[position]
            content = seen.get(path)
            if isinstance(outcome, str):
                self.failures_[path] = outcome
            elif content is not None and content.stamp != _stamp(path):
                self.failures_[path] = _CHANGED_MEANWHILE
            else:
                found[path] = outcome
                self.extracted_ += 1
                if self.cache is not None and content is not None and content.digest:
                    self.cache.put(self.cache_key(content.digest), outcome)
            advance()

    def _outcomes(self, paths: Sequence[str], how: Hearing, seen: Mapping[str, _Content]) -> Iterator[Outcome]:
        if self.cluster is None or len(paths) <= FEW:
            return vectors(paths, how, self._jobs())
        from ostinato.audio import cluster

        return cluster.vectors(paths, how, self.cluster, [seen[path].digest if path in seen else "" for path in paths])

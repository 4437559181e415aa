"""`SourceSeparator`: a recording to its stems, by whichever method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ostinato.audio.separation import masks, networks, nmf, repet
from ostinato.audio.separation.segments import in_segments
from ostinato.audio.separation.source import Source
from ostinato.core.errors import AudioError, UsageError
from ostinato.core.files import replacing

Array = npt.NDArray[np.float32]
Method = Literal["hpss", "repet-sim", "nmf", "demucs", "spleeter"]

_NETWORKS: dict[str, Callable[[Array, int, Path], tuple[dict[str, Array], int]]] = {
    "demucs": networks.demucs,
    "spleeter": networks.spleeter,
}
# Seconds that a method hears at once, and by which the pieces overlap. What repeats takes long to show.
_SEGMENTS = {"hpss": (20.0, 2.0), "repet-sim": (60.0, 4.0), "nmf": (60.0, 4.0)}


@dataclass(frozen=True)
class Separation:
    """Stems by name, each of the shape of what was separated: `(n,)` or `(channels, n)`, float32, at `sr` Hz."""

    stems: Mapping[str, Array]
    sr: int
    method: str

    def __getitem__(self, name: str) -> Array:
        return self.stems[name]

    def write(self, folder: Path | str) -> dict[str, Path]:
        """Write `<stem>.wav` (32-bit float, so that the sum stays exact) for every stem; returns the paths by name."""
        written = {}
        for name, y in self.stems.items():
            with _Writer(Path(folder) / f"{name}.wav", self.sr, 1 if y.ndim == 1 else len(y)) as writer:
                writer.write(np.atleast_2d(y))
            written[name] = writer.path
        return written


class SourceSeparator:
    """Takes recordings apart into named stems.

    `method` is `hpss` (`harmonic`, `percussive`: medians at several scales, see `masks`), `repet-sim` (`repeating`,
    `varying`), `nmf` (`harmonic`, `percussive`; with `grouped=False` one stem a component), `demucs` or `spleeter` (what
    the model in `weights` knows; both are optional packages). Stems of the first three sum to the recording. They hear
    20 or 60 s at once, whatever the length. `n_components`, `iterations` and `random_state` are those of `nmf`. Raises
    UsageError for a method or a value that does not exist.

    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050).astype(np.float32)
    >>> parts = SourceSeparator().separate_waveform(y, 22_050)
    >>> sorted(parts.stems), bool(np.abs(parts["harmonic"]).max() > 10 * np.abs(parts["percussive"][4_000:-4_000]).max())
    (['harmonic', 'percussive'], True)
    """

    def __init__(
        self,
        method: Method = "hpss",
        *,
        weights: Path | str | None = None,
        n_components: int = 32,
        grouped: bool = True,
        iterations: int = 100,
        random_state: int = 0,
    ) -> None:
        if method not in get_args(Method):
            raise UsageError(f"method {method!r} does not exist; there are {', '.join(get_args(Method))}")
        if n_components < 2 or iterations < 1:  # noqa: PLR2004 - one component has nothing to be told from
            raise UsageError(f"nmf needs 2 components and 1 iteration at least; got {n_components} and {iterations}")
        self.method: Method = method
        self.weights = weights
        self.n_components = n_components
        self.grouped = grouped
        self.iterations = iterations
        self.random_state = random_state

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the stems; empty where the model in `weights` decides."""
        if self.method in _NETWORKS:
            return ()
        if self.method == "nmf" and not self.grouped:
            return tuple(f"component-{k:02d}" for k in range(1, self.n_components + 1))
        return {"hpss": masks.STEMS, "repet-sim": repet.STEMS, "nmf": nmf.STEMS}[self.method]

    def separate(self, path: Path | str) -> Separation:
        """The stems of a file, at its rate (a network's: at the network's) and with its channels, `(channels, n)`.

        Raises AudioError for a file that is no audio, and for networks what `demucs` and `spleeter` in `networks` raise.
        """
        weights = self._weights()
        with Source(path) as source:
            if weights is not None:
                return self._by_network(source.read(0, source.total), source.sr, weights)
            pieces = list(self._pieces(source.read, source.total, source.sr))
            return Separation(self._named(pieces), source.sr, self.method)

    def separate_waveform(self, y: npt.ArrayLike, sr: int) -> Separation:
        """The stems of a signal `(n,)` or `(channels, n)` at `sr` Hz, each of its shape.

        Raises AudioError where it is empty or not finite.
        """
        weights = self._weights()
        samples = np.asarray(y, dtype=np.float32)
        if samples.ndim not in (1, 2) or not samples.size:
            raise AudioError("waveform", f"expected samples (n,) or (channels, n), got shape {samples.shape}")
        if not np.isfinite(samples).all():
            raise AudioError("waveform", f"{np.count_nonzero(~np.isfinite(samples))} samples are NaN or infinite")
        channels = np.atleast_2d(samples)
        if weights is not None:
            found = self._by_network(channels, sr, weights)
        else:
            pieces = list(self._pieces(lambda start, stop: channels[:, start:stop], channels.shape[1], sr))
            found = Separation(self._named(pieces), sr, self.method)
        if samples.ndim == 1:
            return Separation({name: stem[0] for name, stem in found.stems.items()}, found.sr, found.method)
        return found

    def separate_to(self, path: Path | str, folder: Path | str) -> dict[str, Path]:
        """Separate a file into `folder/<stem>.wav` (32-bit float), holding only some pieces of it; the paths by name.

        A network and components of `nmf` that are not grouped need the whole file at once. Raises as `separate` does.
        """
        if self.method in _NETWORKS:
            return self.separate(path).write(folder)
        with Source(path) as source, ExitStack() as open_files:
            paths = {name: Path(folder) / f"{name}.wav" for name in self.stems}
            writers = [open_files.enter_context(_Writer(to, source.sr, source.channels)) for to in paths.values()]
            for piece in self._pieces(source.read, source.total, source.sr):
                for writer, stem in zip(writers, piece, strict=True):
                    writer.write(stem)
        return paths

    def _weights(self) -> Path | None:
        if self.method not in _NETWORKS:
            return None
        networks.require(self.method)
        return networks.weights_path(self.method, self.weights)

    def _by_network(self, y: Array, sr: int, weights: Path) -> Separation:
        stems, rate = _NETWORKS[self.method](y, sr, weights)
        return Separation(stems, rate, self.method)

    def _pieces(self, read: Callable[[int, int], Array], total: int, sr: int) -> Iterator[Array]:
        """Stems `(n_stems, channels, n)`, a piece at a time."""
        if self.method == "nmf" and not self.grouped:  # components of two pieces are not the same components
            return iter([self._apart(read(0, total), sr)])
        seconds, overlap = _SEGMENTS[self.method]
        return in_segments(read, total, lambda y: self._apart(y, sr), round(seconds * sr), round(overlap * sr))

    def _apart(self, y: Array, sr: int) -> Array:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        with threadpool_limits(1):  # the same numbers on any number of cores; such small matrices gain nothing by them
            if self.method == "hpss":
                return masks.separate(y, sr)
            if self.method == "repet-sim":
                return repet.separate(y, sr)
            return nmf.separate(y, sr, self.n_components, self.grouped, self.iterations, self.random_state)

    def _named(self, pieces: list[Array]) -> dict[str, Array]:
        whole = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)
        return dict(zip(self.stems, whole, strict=True))


class _Writer:
    """A WAV file of 32-bit floats that takes its name when it is complete."""

    def __init__(self, path: Path, sr: int, channels: int) -> None:
        self.path, self._sr, self._channels = path, sr, channels
        self._open = ExitStack()
        self._file: Any = None

    def __enter__(self) -> _Writer:
        import soundfile

        part = self._open.enter_context(replacing(self.path))
        self._file = self._open.enter_context(
            soundfile.SoundFile(part, "w", self._sr, self._channels, subtype="FLOAT", format="WAV")
        )
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def write(self, y: Array) -> None:
        """Append samples `(channels, n)`."""
        self._file.write(np.ascontiguousarray(y.T))

"""Demucs and Spleeter, where they and their weights are installed; nothing is ever downloaded.

Défossez, "Hybrid spectrogram and waveform source separation", MDX workshop at ISMIR 2021 (Demucs); Hennequin, Khlif,
Voituret and Moussallam, "Spleeter: a fast and efficient music source separation tool with pre-trained models", Journal
of Open Source Software 5 (50), 2020. Neither is a dependency: Demucs needs torch and Spleeter needs TensorFlow.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import re
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import ArtefactError, MissingExtraError, UsageError

Array = npt.NDArray[np.float32]

INSTALL = {
    # torchaudio, which Demucs imports, ends at 2.11 and wants the torch of the same number
    "demucs": "pip install 'demucs==4.0.1' 'torch<2.12' 'torchaudio<2.12'",
    "spleeter": "pip install 'spleeter==2.4.2'",
}
_OVERLAP = 0.25  # of demucs.separate
_CHECKSUM = re.compile(r"-([0-9a-f]{8})$")  # how demucs.repo names its files: signature, then the start of the SHA-256
_STEREO = 2


def require(package: str) -> None:
    """Raise MissingExtraError, with the line that installs it, unless `package` is installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"{package} is not installed; method={package!r} needs it. Install: {INSTALL[package]}")


def _module(package: str, name: str) -> Any:
    """A module of an installed package; raises MissingExtraError where what that needs is missing or does not fit."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise MissingExtraError(
            f"{package} is installed but {name} cannot be imported ({type(error).__name__}: {_first_line(error)}). "
            f"Install: {INSTALL[package]}"
        ) from error


def weights_path(package: str, weights: Path | str | None) -> Path:
    """Where the weights lie; raises UsageError where no path was given, and ArtefactError where nothing lies there."""
    if weights is None:
        raise UsageError(
            f"method={package!r} needs weights=PATH: pretrained weights that you have downloaded. Ostinato fetches none."
        )
    if not (found := Path(weights).expanduser()).exists():
        raise ArtefactError(f"{found}: there are no weights here; give the path of weights that {package} published")
    return found


# --- Demucs -----------------------------------------------------------------------------------------------------------


def demucs(y: Array, sr: int, weights: Path) -> tuple[dict[str, Array], int]:
    """Stems of a signal `(channels, n)` by name, each `(channels, n)`, and their rate, by a model of Demucs 4.

    `weights` is one `.th` file, or a folder with the `.yaml` of a bag of models and their files, as published. Such files
    are pickles, which may run code: only load what you trust. The checksum in a file's name is verified. Raises
    ArtefactError for a file that holds no such model. API: the package's `demucs.states` and `demucs.apply`.
    """
    require("demucs")
    torch, apply = _module("demucs", "torch"), _module("demucs", "demucs.apply")
    model = demucs_model(weights.resolve())
    rate, wanted = int(model.samplerate), int(model.audio_channels)
    heard = _resampled(_with_channels(y, wanted), sr, rate)
    mean, deviation = float(heard.mean()), float(heard.mean(axis=0).std()) + 1e-8
    mixture = torch.from_numpy((heard - mean) / deviation)[None]
    with torch.no_grad():
        # no random shifts: the same file gives the same stems
        parts = apply.apply_model(model, mixture, device="cpu", shifts=0, split=True, overlap=_OVERLAP)[0]
    stems = parts.numpy() * deviation + mean
    return {str(name): _with_channels(stem, len(y)) for name, stem in zip(model.sources, stems, strict=True)}, rate


@lru_cache(maxsize=1)
def demucs_model(weights: Path) -> Any:
    """The model in a file, or the bag of models in a folder, ready to be applied."""
    if weights.is_file():
        return _demucs_file(weights)
    bags, files = sorted(weights.glob("*.yaml")), sorted(weights.glob("*.th"))
    if not bags and len(files) == 1:
        return _demucs_file(files[0])
    if len(bags) != 1:
        raise ArtefactError(
            f"{weights}: expected one .th file, or one .yaml that names several; found {len(files)} and {len(bags)}"
        )
    import yaml

    bag = yaml.safe_load(bags[0].read_text(encoding="utf-8"))
    if not isinstance(bag, dict) or not bag.get("models"):
        raise ArtefactError(f"{bags[0]}: this names no models")
    models = []
    for signature in bag["models"]:
        matching = [file for file in files if file.stem.split("-")[0] == signature]
        if len(matching) != 1:
            raise ArtefactError(
                f"{bags[0]}: it names the model {signature}; expected one file {signature}-*.th beside it"
            )
        models.append(_demucs_file(matching[0]))
    apply = _module("demucs", "demucs.apply")
    return apply.BagOfModels(models, bag.get("weights"), bag.get("segment"))


def _demucs_file(file: Path) -> Any:
    torch, states = _module("demucs", "torch"), _module("demucs", "demucs.states")
    if (named := _CHECKSUM.search(file.stem)) is not None:
        held = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        if held != named[1]:
            raise ArtefactError(f"{file}: its checksum is {held}, its name says {named[1]}; download it again")
    try:
        package = torch.load(file, map_location="cpu", weights_only=False)
        model = states.load_model(package)
    except Exception as error:  # a pickle may raise anything
        raise ArtefactError(
            f"{file}: not weights of Demucs 4 ({type(error).__name__}: {_first_line(error)})"
        ) from error
    model.eval()
    return model


# --- Spleeter ---------------------------------------------------------------------------------------------------------


def spleeter(y: Array, sr: int, weights: Path) -> tuple[dict[str, Array], int]:
    """Stems of a signal `(channels, n)` by name, each `(channels, n)`, and their rate, by a model of Spleeter 2.

    `weights` is the folder of a published model, such as `4stems`, which holds the file `checkpoint`. Raises ArtefactError
    for anything else. API: the package's `spleeter.separator.Separator`, whose configuration may be a JSON file.
    """
    require("spleeter")
    if not (weights / "checkpoint").is_file():
        raise ArtefactError(f"{weights}: expected the folder of a model of Spleeter, with its file `checkpoint`")
    configuration = _module("spleeter", "spleeter.utils.configuration")
    separator = _module("spleeter", "spleeter.separator")
    try:
        how = configuration.load_configuration(f"spleeter:{weights.name}") | {"model_dir": str(weights.resolve())}
    except Exception as error:  # SpleeterError derives from Exception
        raise ArtefactError(
            f"{weights}: Spleeter knows no model {weights.name!r}; keep the folder's name (2stems, 4stems, 5stems, …)"
        ) from error
    rate = int(how["sample_rate"])
    heard = _resampled(_with_channels(y, _STEREO), sr, rate)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            described = Path(scratch, "model.json")
            described.write_text(json.dumps(how), encoding="utf-8")
            stems = separator.Separator(str(described), multiprocess=False).separate(heard.T)
    except Exception as error:  # whatever TensorFlow makes of a wrong checkpoint
        raise ArtefactError(
            f"{weights}: Spleeter failed with it ({type(error).__name__}: {_first_line(error)})"
        ) from error
    return {name: _with_channels(np.asarray(stem, dtype=np.float32).T, len(y)) for name, stem in stems.items()}, rate


# --- both -------------------------------------------------------------------------------------------------------------


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]


def _with_channels(y: Array, channels: int) -> Array:
    """A signal with so many channels: repeated from one, averaged to one, the first ones of several."""
    if len(y) >= channels > 1 or len(y) == channels:
        return y[:channels]
    mono: Array = y.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.repeat(mono, channels, axis=0)


def _resampled(y: Array, sr: int, rate: int) -> Array:
    if sr == rate:
        return y
    import soxr

    return np.ascontiguousarray(soxr.resample(y.T, sr, rate, quality="HQ").T, dtype=np.float32)

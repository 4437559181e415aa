"""Optional networks: one clear error for whatever is missing or wrong; the real code where Demucs is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ostinato.audio.separation import SourceSeparator, networks
from ostinato.core.errors import ArtefactError, MissingExtraError, UsageError

from .conftest import SR, melody


def absent(name: str) -> bool:
    return importlib.util.find_spec(name) is None


@pytest.mark.parametrize("method", ["demucs", "spleeter"])
def test_a_missing_package_names_its_install_line(method: Any, tmp_path: Path) -> None:
    if not absent(method):
        pytest.skip(f"{method} is installed")
    for call in (
        lambda: SourceSeparator(method, weights=tmp_path).separate_waveform(melody(1.0), SR),
        lambda: SourceSeparator(method).separate(tmp_path / "song.wav"),
    ):
        with pytest.raises(MissingExtraError, match=rf"Install: pip install '{method}=="):
            call()


def test_nothing_is_imported_to_find_that_out() -> None:
    assert not {"torch", "demucs", "spleeter", "tensorflow"} & set(sys.modules) or not absent("demucs")


@pytest.mark.parametrize("method", ["demucs", "spleeter"])
def test_missing_weights(method: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "require", lambda package: None)
    with pytest.raises(UsageError, match="weights=PATH"):
        SourceSeparator(method).separate_waveform(melody(1.0), SR)
    with pytest.raises(ArtefactError, match="nowhere: there are no weights here"):
        SourceSeparator(method, weights=tmp_path / "nowhere").separate_waveform(melody(1.0), SR)


def test_an_installed_package_that_does_not_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demucs").mkdir()
    (tmp_path / "demucs" / "__init__.py").write_text("raise OSError('a library of another version')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "demucs", raising=False)
    with pytest.raises(MissingExtraError, match="another version.*Install: pip install"):
        networks._module("demucs", "demucs")


def test_a_folder_that_is_no_model_of_spleeter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "require", lambda package: None)
    with pytest.raises(ArtefactError, match="checkpoint"):
        SourceSeparator("spleeter", weights=tmp_path).separate_waveform(melody(1.0), SR)


@pytest.mark.parametrize(("have", "want"), [(1, 2), (2, 1), (2, 2), (6, 2), (3, 6)])
def test_channels(have: int, want: int, rng: np.random.Generator) -> None:
    y = rng.normal(size=(have, 50)).astype(np.float32)
    found = networks._with_channels(y, want)
    assert found.shape == (want, 50)
    if have == 1 or want == 1:
        np.testing.assert_allclose(found, np.tile(y.mean(axis=0), (want, 1)), atol=1e-6)


# --- with Demucs ---


@pytest.fixture
def model() -> Any:
    """A Demucs of a few thousand weights, drawn at random."""
    if absent("demucs"):
        pytest.skip("demucs is not installed")
    import torch
    from demucs.demucs import Demucs

    torch.manual_seed(0)
    return Demucs(sources=["drums", "rest"], channels=4, depth=2, dconv_depth=1, samplerate=32_000, segment=2).eval()


def saved(model: Any, path: Path) -> Path:
    from demucs.states import save_with_checksum, serialize_model
    from omegaconf import OmegaConf

    save_with_checksum(serialize_model(model, OmegaConf.create({}), half=False), path)
    return next(path.parent.glob(f"{path.stem}-*.th"))


def test_demucs_loads_a_file_and_gives_its_stems(model: Any, tmp_path: Path) -> None:
    import soxr
    import torch
    from demucs.apply import apply_model

    file = saved(model, tmp_path / "tiny.th")
    y = np.stack([melody(3.0), melody(3.0, seed=1)])
    found = SourceSeparator("demucs", weights=file).separate_waveform(y, SR)
    assert (sorted(found.stems), found.sr) == (["drums", "rest"], 32_000)
    heard = soxr.resample(y.T, SR, 32_000, quality="HQ").T
    mean, deviation = heard.mean(), heard.mean(axis=0).std() + 1e-8
    with torch.no_grad():
        theirs = apply_model(model, torch.from_numpy((heard - mean) / deviation)[None], shifts=0, split=True)[0].numpy()
    for k, name in enumerate(model.sources):
        np.testing.assert_allclose(found[name], theirs[k] * deviation + mean, atol=1e-4)
    assert SourceSeparator("demucs", weights=tmp_path).separate_waveform(y[0], SR)["drums"].ndim == 1


def test_demucs_loads_a_bag(model: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        saved(model, tmp_path / f"{name}.th")
    (tmp_path / "both.yaml").write_text("models: ['one', 'two']\nsegment: 1\n")
    whole = networks.demucs(melody(2.0)[None], SR, tmp_path)[0]
    networks.demucs_model.cache_clear()
    assert set(whole) == {"drums", "rest"}
    (tmp_path / "both.yaml").write_text("models: ['one', 'three']\n")
    with pytest.raises(ArtefactError, match="three"):
        networks.demucs(melody(2.0)[None], SR, tmp_path)


def test_demucs_refuses_wrong_files(model: Any, tmp_path: Path) -> None:
    file = saved(model, tmp_path / "tiny.th")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ArtefactError, match="checksum"):
        SourceSeparator("demucs", weights=file).separate_waveform(melody(1.0), SR)
    (tmp_path / "wrong.th").write_bytes(b"no weights")
    with pytest.raises(ArtefactError, match="not weights of Demucs"):
        SourceSeparator("demucs", weights=tmp_path / "wrong.th").separate_waveform(melody(1.0), SR)
    with pytest.raises(ArtefactError, match="expected one"):
        SourceSeparator("demucs", weights=tmp_path).separate_waveform(melody(1.0), SR)

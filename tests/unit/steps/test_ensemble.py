import json
import shutil

import numpy as np
import pytest

from ostinato.core.errors import ArtefactError
from ostinato.core.files import read_table
from ostinato.engines.artefact import ModelArtefact


def test_the_vote_is_at_least_as_good_as_its_best_member(learnt):
    root, reports = learnt
    said = json.loads((root / "data/reports/genre/ensemble.json").read_text())
    assert said["ensemble"] <= said["best_single"]
    assert said["calibrated"] <= said["ensemble"] + 1e-9
    assert 1 <= len(said["members"]) <= 3
    assert sum(each["weight"] for each in said["members"]) == pytest.approx(1)
    assert reports["ensemble"].digest == ModelArtefact.load(root / "data/models/genre/model").digest


def test_the_artefact_knows_how_its_inputs_are_extracted(learnt):
    root, _ = learnt
    artefact = ModelArtefact.load(root / "data/models/genre/model")
    assert artefact.manifest["extract"]["preset"] == "line"
    assert artefact.features == tuple(f"feature_{i:02d}" for i in range(12))
    assert artefact.classes == ("jig", "march", "reel")
    assert np.isfinite(artefact.predict_proba(read_table(root / "data/features/audio.parquet"))).all()


def test_candidates_of_other_folds_are_refused(learnt, tmp_path, line, settings_of):
    root, _ = learnt
    other = tmp_path / "other"
    shutil.copytree(root, other)
    line(other, "split", settings_of(split={"seed": 99}))
    with pytest.raises(ArtefactError, match=r"fitted on other folds .* run the step search again"):
        line(other, "ensemble", settings_of())

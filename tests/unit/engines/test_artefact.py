import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato.automl.export.merge import Part, merged
from ostinato.automl.fitting import Fitted
from ostinato.automl.index import algorithms
from ostinato.core.errors import ArtefactError, UsageError
from ostinato.core.hashing import sha256_of_value
from ostinato.core.params import Envelope
from ostinato.engines.artefact import Member, ModelArtefact
from ostinato.engines.envelope import enforce, measure, verdicts
from ostinato.features.table import TableEncoder

NAMES = ("alpha", "beta", "gamma")


def fitted(key, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = (X[:, 0] + 0.3 * rng.normal(size=60) > 0).astype(np.int64)
    return X, y, Fitted.fit(algorithms()[key], {}, 1, X, y, 2)


@pytest.fixture(scope="module")
def built():
    X, _, one = fitted("logistic_regression")
    _, _, two = fitted("lightgbm_classifier")
    parts = [Part(0.75, (one.exported(X),)), Part(0.25, (two.exported(X),))]
    artefact = ModelArtefact.assembled(
        merged(parts, 3, 2, temperature=1.5, classes=True),
        [Member("01_one", 0.75, {"key": "one"}), Member("02_two", 0.25, {"key": "two"})],
        kind="binary",
        target="hit",
        classes=("no", "yes"),
        encoder=TableEncoder.of_numbers(NAMES),
        temperature=1.5,
    )
    return X, one, two, artefact


@pytest.fixture
def saved(built, tmp_path):
    built[3].save(tmp_path / "model")
    return tmp_path / "model"


def rewrite(folder, **changes):
    """Change the manifest and sign it anew, as somebody would who wants it read."""
    path = folder / "artefact.json"
    manifest = {**json.loads(path.read_text()), **changes}
    manifest.pop("digest")
    path.write_text(json.dumps({**manifest, "digest": sha256_of_value(manifest)}))


def test_it_votes_by_weight_and_temperature(built):
    X, one, two, artefact = built
    mixed = 0.75 * one.scores(X) + 0.25 * two.scores(X)
    expected = mixed ** (1 / 1.5)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(artefact.predict_proba(X), expected, atol=1e-6)
    assert set(artefact.predict(X)) == {"no", "yes"}
    np.testing.assert_array_equal(artefact.predict(X) == "yes", expected[:, 1] > 0.5)


def test_a_saved_one_scores_the_same_and_has_the_same_digest(built, saved):
    X, *_, artefact = built
    again = ModelArtefact.load(saved)
    assert again.digest == artefact.digest
    assert again.manifest == artefact.manifest
    np.testing.assert_array_equal(again.predict_proba(X), artefact.predict_proba(X))


def test_columns_are_found_by_name(built):
    X, *_, artefact = built
    frame = pd.DataFrame(X, columns=list(NAMES))
    frame.insert(0, "other", 1.0)
    np.testing.assert_array_equal(
        artefact.predict_proba(frame[["gamma", "other", "alpha", "beta"]]), artefact.predict_proba(X)
    )
    with pytest.raises(UsageError, match="lacks 1 of the 3 columns that the model reads: beta"):
        artefact.predict(frame.drop(columns="beta"))
    with pytest.raises(UsageError, match=r"expected an array \(n, 3\).*got shape \(60, 2\)"):
        artefact.predict(X[:, :2])


def test_gaps_are_filled(built):
    *_, artefact = built
    p = artefact.predict_proba(np.array([[np.nan, np.inf, -np.inf]]))
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1)


def test_it_scores_without_the_training_libraries(saved):
    code = (
        "import sys, numpy as np; from pathlib import Path; from ostinato.engines.artefact import ModelArtefact\n"
        "p = ModelArtefact.load(Path(sys.argv[1])).predict_proba(np.zeros((2, 3)))\n"
        "assert p.shape == (2, 2)\n"
        "heavy = 'sklearn pandas scipy xgboost lightgbm catboost optuna onnx skl2onnx librosa mlflow torch'.split()\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code, str(saved)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_folder_holds_data_only(saved):
    assert sorted(str(p.relative_to(saved)) for p in saved.rglob("*") if p.is_file()) == [
        "artefact.json",
        "model.onnx",
    ]


def test_a_torn_or_changed_one_is_refused(saved):
    member = saved / "model.onnx"
    content = member.read_bytes()
    member.write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtefactError, match=r"model\.onnx: torn or changed"):
        ModelArtefact.load(saved)
    member.unlink()
    with pytest.raises(ArtefactError, match="a file is missing"):
        ModelArtefact.load(saved)


def test_a_changed_weight_is_noticed(saved):
    path = saved / "artefact.json"
    path.write_text(path.read_text().replace("0.75", "0.85"))
    with pytest.raises(ArtefactError, match="changed after it was written"):
        ModelArtefact.load(saved)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"hello": 1}'])
def test_what_is_no_manifest_is_refused(saved, content):
    (saved / "artefact.json").write_text(content)
    with pytest.raises(ArtefactError, match=r"artefact\.json"):
        ModelArtefact.load(saved)


def test_a_newer_format_asks_for_an_update(saved):
    rewrite(saved, format=3)
    with pytest.raises(ArtefactError, match=r"format 3 is newer than the 2 .* update ostinato"):
        ModelArtefact.load(saved)


def test_no_folder_is_a_clear_error(tmp_path):
    with pytest.raises(ArtefactError, match="holds no model"):
        ModelArtefact.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    "name", ["../outside.onnx", "members/../../outside.onnx", "/etc/passwd", "members/a/b.onnx", None]
)
def test_a_member_outside_of_the_folder_is_refused(saved, name):
    shutil.copy(saved / "model.onnx", saved.parent / "outside.onnx")
    model = json.loads((saved / "artefact.json").read_text())["model"]
    rewrite(saved, model={**model, "file": name})
    with pytest.raises(ArtefactError, match="lies outside of it"):
        ModelArtefact.load(saved)


def test_a_link_out_of_the_folder_is_refused(saved):
    member = saved / "model.onnx"
    shutil.move(member, saved.parent / "elsewhere.onnx")
    member.symlink_to(saved.parent / "elsewhere.onnx")
    with pytest.raises(ArtefactError, match="lies outside of it"):
        ModelArtefact.load(saved)


def test_one_of_format_1_still_loads_and_scores(built, tmp_path):
    """Written as version 0.1.0 wrote it: a file a member, the vote in the manifest."""
    X, one, two, artefact = built
    (tmp_path / "old" / "members").mkdir(parents=True)
    members = []
    for name, weight, model in (("01_one", 0.75, one), ("02_two", 0.25, two)):
        content = model.exported(X)
        (tmp_path / "old" / "members" / f"{name}.onnx").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        members.append({"file": f"members/{name}.onnx", "sha256": digest, "weight": weight, "key": "k", "family": "f"})
    manifest = {
        "format": 1, "kind": "binary", "target": "hit", "classes": ["no", "yes"], "features": list(NAMES),
        "inputs": ["table"], "extract": None, "temperature": 1.5, "members": members,
    }  # fmt: skip
    (tmp_path / "old" / "artefact.json").write_text(json.dumps({**manifest, "digest": sha256_of_value(manifest)}))
    old = ModelArtefact.load(tmp_path / "old")
    np.testing.assert_allclose(old.predict_proba(X), artefact.predict_proba(X), atol=1e-6)


def test_a_batch_scores_as_its_rows_do(built):
    X, *_, artefact = built
    many = np.tile(X, (100, 1))
    np.testing.assert_array_equal(artefact.scores(many)[-60:], artefact.scores(X))


def test_a_bad_value_deep_in_a_table_is_named_by_its_row(built):
    X, *_, artefact = built
    frame = pd.DataFrame(np.tile(X, (100, 1)), columns=list(NAMES)).astype({"beta": object})
    frame.iloc[5_000, 1] = "loud"
    with pytest.raises(UsageError, match="column 'beta', row 5000: 'loud' is no number"):
        artefact.predict(frame)
    frame.iloc[5_000, 1] = 0.5
    np.testing.assert_array_equal(artefact.scores(frame)[-60:], artefact.scores(X))


def test_equal_content_has_equal_digests_and_bytes(built, tmp_path):
    *_, artefact = built
    for name in ("a", "b"):
        artefact.save(tmp_path / name)
    assert (tmp_path / "a" / "artefact.json").read_bytes() == (tmp_path / "b" / "artefact.json").read_bytes()


def test_the_envelope_is_measured_in_a_fresh_process(saved, built):
    cost = measure(saved)
    assert cost["digest"] == built[3].digest
    assert cost["bytes"] == sum(p.stat().st_size for p in saved.rglob("*") if p.is_file())
    assert 0 < cost["p50_ms"] <= cost["p99_ms"] <= cost["p99_of_all_calls_ms"]
    assert 20e6 < cost["peak_rss_bytes"] < 400e6
    assert 0 < cost["model_memory_bytes"] < cost["process_memory_bytes"] <= cost["peak_rss_bytes"]
    assert cost["row"] == "array"
    assert cost["rows_per_second"] > 1000


def test_an_artefact_beyond_its_envelope_is_refused_by_name():
    cost = {"bytes": 2_000_000, "p99_ms": 9.0}
    tight = Envelope(max_bytes=1_000_000, max_p99_ms=5.0)
    assert [v["passed"] for v in verdicts(cost, tight).values()] == [False, False]
    with pytest.raises(ArtefactError, match=r"2,000,000 bytes where max_bytes allows 1,000,000; 9\.00 ms"):
        enforce(cost, tight, "genre")
    enforce(cost, Envelope(max_bytes=3_000_000, max_p99_ms=10.0), "genre")


def test_measuring_what_is_no_artefact_says_why(tmp_path):
    with pytest.raises(ArtefactError, match="cannot be measured"):
        measure(tmp_path)


def test_the_logistic_member_is_scikit_learns(built):
    X, one, *_ = built
    assert isinstance(one.estimator, LogisticRegression)
    assert one.scores(X).shape == (60, 2)

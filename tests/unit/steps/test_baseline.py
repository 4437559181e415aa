import numpy as np
import pandas as pd

from ostinato.core.files import read_json, write_table
from ostinato.core.hashing import sha256_of_folder
from ostinato.core.params import BaselineParams
from ostinato.monitoring.drift import Reference
from ostinato.steps.baseline import baseline


def run(folder, name, audio=True, rows=50):
    rng = np.random.default_rng(3)
    ids = [f"t{i:02d}" for i in range(80)]
    features = pd.DataFrame({"track_id": ids})
    if audio:
        features["mfcc_01_mean"] = rng.normal(size=80).astype("float32")
    clean = pd.DataFrame({"track_id": ids, "duration": 12.0, "label": "waltz", "tempo": rng.normal(size=80)})
    said = pd.DataFrame({"track_id": ids[:20], "predicted": ["waltz", "reel"] * 10, "confidence": rng.random(20)})
    write_table(folder / "features.parquet", features if audio else features[:0])
    write_table(folder / "clean.parquet", clean)
    write_table(folder / "predictions" / "genre.parquet", said)
    report = baseline(
        BaselineParams(rows=rows, seed=7),
        features=folder / "features.parquet",
        clean=folder / "clean.parquet",
        predictions=folder / "predictions",
        reference=folder / name,
    )
    return report, folder / name


def test_the_reference_holds_features_and_honest_predictions(tmp_path):
    report, folder = run(tmp_path, "baseline")
    table, facts = pd.read_parquet(folder / "reference.parquet"), read_json(folder / "baseline.json")
    assert (report.rows, report.features, report.problems) == (50, 2, ("genre",))
    assert facts["features"] == ["mfcc_01_mean", "tempo"]
    assert facts["problems"]["genre"]["shares"] == {"reel": 0.5, "waltz": 0.5}
    assert table["genre.predicted"].notna().sum() == 20
    assert Reference.load(folder).features == ("mfcc_01_mean", "tempo")


def test_a_catalogue_of_tables_alone_has_a_reference_too(tmp_path):
    report, folder = run(tmp_path, "baseline", audio=False, rows=200)
    assert (report.rows, report.features) == (80, 1)
    assert pd.read_parquet(folder / "reference.parquet")["tempo"].notna().all()


def test_two_runs_write_equal_bytes(tmp_path):
    assert sha256_of_folder(run(tmp_path, "one")[1]) == sha256_of_folder(run(tmp_path, "two")[1])

"""What may be loaded when: starting costs nothing that is not used."""

import subprocess
import sys

import pytest

HEAVY = {
    "pandas", "numpy", "sklearn", "scipy", "torch", "mlflow", "prefect", "evidently", "great_expectations", "librosa", "numba",
    "optuna", "xgboost", "catboost", "lightgbm", "onnxruntime", "dvc", "boto3", "psutil", "pydantic",
}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        "import ostinato",
        "import sys; sys.argv = ['ostinato', '--help']\nfrom ostinato.cli.app import run\nrun(['--help'])",
    ],
    ids=["import ostinato", "ostinato --help"],
)
def test_starting_loads_nothing_heavy(code: str):
    said = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys\nprint('loaded', *sorted({m.split('.')[0] for m in sys.modules}))"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    loaded = set(said.rpartition("loaded")[2].split())
    assert not loaded & HEAVY


def test_public_names_are_there():
    import ostinato

    for name in ostinato.__all__:
        assert getattr(ostinato, name).__module__.startswith("ostinato.")

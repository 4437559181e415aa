"""How MLflow loads a registered artefact: `loader_module` and a folder of data, no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ostinato.engines.artefact import ModelArtefact


class PyfuncModel:
    """What `mlflow.pyfunc.load_model` hands out: one row of features in, the answer and its probabilities out."""

    def __init__(self, artefact: ModelArtefact) -> None:
        self.artefact = artefact

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Answers for `model_input` (n rows, the feature columns by name): `predicted` and, for classes, `p_<class>`."""
        return answers(self.artefact, model_input)


def answers(artefact: ModelArtefact, X: pd.DataFrame) -> pd.DataFrame:
    """Columns `predicted`, `confidence` and `p_<class>` for rows of features; regression has `predicted` alone."""
    import numpy as np
    import pandas as pd

    if artefact.kind == "regression":
        return pd.DataFrame({"predicted": np.asarray(artefact.predict(X), dtype=np.float64)}, index=X.index)
    proba = np.asarray(artefact.predict_proba(X), dtype=np.float64)
    classes = [str(c) for c in artefact.classes]
    frame = pd.DataFrame(proba, columns=[f"p_{c}" for c in classes], index=X.index)
    frame.insert(0, "predicted", [classes[i] for i in proba.argmax(axis=1)])
    frame.insert(1, "confidence", proba.max(axis=1) if len(proba) else proba[:, 0])
    return frame


def _load_pyfunc(path: str) -> PyfuncModel:
    from ostinato.engines.artefact import ModelArtefact

    folder = Path(path)
    if not (folder / "artefact.json").is_file():
        folder = next(iter(sorted(folder.glob("*/artefact.json")))).parent
    return PyfuncModel(ModelArtefact.load(folder))

"""The check of monitoring: batches like the baseline raise no alarm, batches with a planted drift do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ostinato.core.errors import QualityError
from ostinato.monitoring.config import DriftConfig, load_drift
from ostinato.monitoring.drift import Reference, decide
from ostinato.operations.validation.config import Monitoring
from ostinato.operations.validation.finding import Finding, found, need
from ostinato.tenancy.workspace import Workspace


def monitoring(workspace: Workspace, bounds: Monitoring) -> Finding:
    """Random batches of the baseline, as they are and with every second feature moved, each judged by Evidently."""
    reference = Reference.load(need(workspace, "data/baseline"))
    config = load_drift(workspace.configs / "drift.yaml")
    rows = min(bounds.rows, len(reference.table) // 2)
    if rows < config.rows.least:
        raise QualityError(
            f"the baseline has {len(reference.table)} rows, too few for batches of {config.rows.least}: a larger "
            "catalogue is needed before drift can be told"
        )
    rng = np.random.default_rng(bounds.seed)
    faults: list[str] = []
    for number in range(bounds.batches):
        chosen = np.sort(rng.choice(len(reference.table), rows, replace=False))
        batch = reference.table.iloc[chosen].reset_index(drop=True)
        faults += _wrong(f"batch {number + 1} of the baseline", reference, batch, config, False)
        faults += _wrong(
            f"batch {number + 1} with moved features", reference, _moved(reference, batch, bounds), config, True
        )
    asked = 2 * bounds.batches
    return found(f"{asked - len(faults)} of {asked} verdicts right, {rows} rows each", asked - len(faults), faults)


def _moved(reference: Reference, batch: pd.DataFrame, bounds: Monitoring) -> pd.DataFrame:
    names = list(reference.features[::2])
    spread = reference.table[names].std(ddof=0).to_numpy()
    return batch.assign(**dict(zip(names, (batch[names] + bounds.shift * spread).to_numpy().T, strict=True)))


def _wrong(what: str, reference: Reference, batch: pd.DataFrame, config: DriftConfig, drifted: bool) -> list[str]:
    decision = decide(reference, batch, config)
    if decision.judged and decision.drifted is drifted:
        return []
    word = "drifted" if decision.drifted else "not drifted"
    return [f"{what} is judged {word}: {decision.reasons[0]}"]

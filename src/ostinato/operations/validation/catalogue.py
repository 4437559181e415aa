"""Checks of the way from raw tables to features: judged anew, prepared anew, heard anew."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ostinato.core.files import read_json, read_table
from ostinato.core.hashing import sha256_of_file
from ostinato.operations.validation.config import DataQuality, Differing, Features
from ostinato.operations.validation.finding import Finding, found, need, rerun, scratch
from ostinato.pipeline import CLEAN, FEATURES
from ostinato.tenancy.workspace import Workspace

_VERDICT = "data/reports/quality/verdict.json"


def data_quality(workspace: Workspace, bounds: DataQuality) -> Finding:
    """The suites judge the raw tables anew: the same verdict, and no more tracks set aside than the bound."""
    recorded = read_json(need(workspace, _VERDICT))
    with scratch() as into:
        made = rerun("check", workspace, into)
        verdict = read_json(made[_VERDICT])
        aside = "data/reports/quality/quarantine.parquet"
        faults = [
            f"verdict.json says {key} {recorded.get(key)!s:.80}, judged anew it is {value!s:.80}"
            for key, value in verdict.items()
            if recorded.get(key) != value
        ]
        if sha256_of_file(made[aside]) != sha256_of_file(need(workspace, aside)):
            faults.append("quarantine.parquet differs from the one made anew")
    rows, gone = verdict["rows"]["tracks"], verdict["quarantined"]["tracks"]
    share = gone / max(rows, 1)
    if share > bounds.set_aside:
        faults.insert(0, f"{gone} of {rows} tracks are set aside; the reasons are in {aside}")
    return found(f"{share:.1%} of {rows} tracks set aside", share, faults)


def preparation(workspace: Workspace, bounds: Differing) -> Finding:
    """The raw tables are prepared anew: the same bytes, and no audio twice."""
    clean = need(workspace, CLEAN)
    with scratch() as into:
        made = rerun("prepare", workspace, into)
        differing = [path for path, new in made.items() if sha256_of_file(new) != sha256_of_file(need(workspace, path))]
    faults = [f"{path} differs from the one made anew" for path in differing]
    faults = faults if len(faults) > bounds.differing else []
    content = read_table(clean)["sha256"].dropna()
    content = content[content != ""]
    twice = int(content.duplicated().sum())
    if twice and workspace.params.prepare.duplicates == "drop":
        faults.append(f"{CLEAN}: {twice} tracks hold audio that another one holds too")
    return found(f"{len(differing)} of {len(made)} files differ, {twice} duplicates", len(differing), faults)


def features(workspace: Workspace, bounds: Features) -> Finding:
    """Some clips, spread over the catalogue, are decoded and heard anew without the cache and compared with the table."""
    stored = read_table(need(workspace, FEATURES)).set_index("track_id")
    tracks = read_table(need(workspace, CLEAN)).set_index("track_id")
    if stored.shape[1] == 0:
        return Finding("no audio in this catalogue", 0.0, True, "nothing to hear: no track has a path")
    broken = stored.index[~np.isfinite(stored.to_numpy(dtype=np.float64)).all(axis=1)]
    faults = [f"{track}: a stored feature is not a finite number" for track in broken]
    if unknown := sorted(set(stored.index) - set(tracks.index)):
        faults.append(f"{len(unknown)} tracks have features and are not among the clean ones, such as {unknown[0]}")
    spread = stored.index[np.unique(np.linspace(0, len(stored) - 1, bounds.clips).astype(int))]
    chosen = [str(track) for track in spread if track in tracks.index]
    paths = {track: str(workspace.root / str(tracks.at[track, "path"])) for track in chosen}
    heard, failures = _heard(workspace, paths, {paths[t]: str(tracks.at[t, "sha256"]) for t in chosen})
    faults += [f"{path}: {reason}" for path, reason in failures.items()]
    chosen = [track for track in chosen if paths[track] in heard.index]
    anew = heard.loc[[paths[track] for track in chosen], list(stored.columns)].to_numpy(np.float64)
    gaps = np.abs(anew - stored.loc[chosen].to_numpy(np.float64))
    for track, gap in zip(chosen, gaps, strict=True):
        place = int(np.argmax(gap))
        if not gap[place] <= bounds.difference:
            faults.append(f"{track}: {stored.columns[place]} heard anew differs by {gap[place]:.3g}")
    worst = float(gaps.max()) if chosen else float("nan")
    return found(f"largest difference {worst:.2g} over {len(chosen)} clips × {stored.shape[1]}", worst, faults)


def _heard(workspace: Workspace, paths: dict[str, str], digests: dict[str, str]) -> tuple[pd.DataFrame, dict[str, str]]:
    from ostinato.audio.extractor import AudioFeatureExtractor

    heard = workspace.params.extract
    extractor = AudioFeatureExtractor(
        heard.preset, sr=heard.sr, n_fft=heard.n_fft, hop_length=heard.hop_length, seconds=heard.seconds
    )
    return extractor.transform(paths.values(), digests=digests), extractor.failures_

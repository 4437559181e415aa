"""Publishing a workspace's features, and reading them back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ostinato.core.errors import UsageError
from ostinato.core.files import write_table
from ostinato.operations.features import features_of, listening, publish, store_of
from ostinato.tenancy.workspace import Workspace

ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return Workspace.at(tmp_path, tmp_path)


@pytest.fixture
def events() -> pd.DataFrame:
    at = pd.to_datetime(["2026-01-01T10:00Z", "2026-01-01T11:00Z", "2026-01-03T09:00Z", "2026-01-02T09:00Z"])
    return pd.DataFrame(
        {
            "user_id": ["u", "v", "u", "w"],
            "track_id": ["a", "a", "a", "b"],
            "at": at,
            "kind": ["play", "skip", "play", "like"],
        }
    ).assign(seconds=3.0)


def _fill(workspace: Workspace, events: pd.DataFrame) -> pd.DataFrame:
    heard = pd.DataFrame({"track_id": ["a", "b"], "tempo": np.float32([120, 96]), "mfcc_01": np.float32([0.5, -1.5])})
    write_table(workspace.root / "data/features/audio.parquet", heard)
    write_table(workspace.root / "data/clean/events.parquet", events)
    return heard


def test_what_is_published_is_served_once_and_grows(workspace, events):
    heard = _fill(workspace, events)
    made = publish(workspace)
    assert [(each.view, each.rows, each.repeated) for each in made] == [("audio", 2, False), ("listening", 3, False)]
    found = features_of(workspace, "a")
    assert found["audio"] == {"tempo": 120.0, "mfcc_01": 0.5}
    assert found["listening"] == {"plays": 2, "skips": 1, "likes": 0, "listeners": 2}
    again = publish(workspace)
    assert [each.repeated for each in again] == [True, True]
    assert [each.data_version for each in again] == [each.data_version for each in made]
    grown = pd.concat([heard, heard.iloc[:1].assign(track_id="c", tempo=np.float32(80))], ignore_index=True)
    write_table(workspace.root / "data/features/audio.parquet", grown)
    publish(workspace)
    assert features_of(workspace, "c")["audio"]["tempo"] == 80


def test_a_day_is_known_at_its_end_and_not_before(workspace, events):
    _fill(workspace, events)
    publish(workspace)
    asked = pd.DataFrame(
        {"track_id": "a", "event_time": pd.to_datetime(["2026-01-01T23:59Z", "2026-01-02T00:00Z", "2026-01-09T00:00Z"])}
    )
    with store_of(workspace) as store:
        found = store.historical(asked, ["listening:plays", "audio:tempo"])
    assert found["plays"].tolist() == [pd.NA, 1, 2]
    assert found["tempo"].tolist() == [120.0] * 3


def test_listeners_are_counted_once_whatever_the_order_of_events(events):
    one = listening(events)
    other = listening(events.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(one, other)
    assert one.loc[one["track_id"] == "a", "listeners"].tolist() == [2, 2]


def test_without_a_run_there_is_nothing_to_publish(workspace):
    with pytest.raises(UsageError, match="run the line first"):
        publish(workspace)
    with pytest.raises(UsageError, match="nothing is published yet"):
        features_of(workspace, "a")

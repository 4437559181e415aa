"""The demo catalogue: the same bytes each time, heard, independent of its labels, and growing without change."""

import collections
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ostinato.catalog.demo.batch import batch_recipe, make_batch
from ostinato.catalog.demo.catalogue import build
from ostinato.catalog.demo.events import simulate_events
from ostinato.catalog.demo.play import file_of
from ostinato.catalog.demo.recipe import FOREIGN_PROGRAMS, PROGRAMS, draw, plan
from ostinato.catalog.demo.render import SAMPLE_RATE, excerpt, render_clip
from ostinato.catalog.demo.scores import corpus_root, read_score
from ostinato.catalog.demo.works import LABELS, works
from ostinato.core.errors import SourceError
from ostinato.core.hashing import sha256_of_file

CLIPS, SECONDS, SEED = 28, 2.0, 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp("demo") / "audio"
    return build(CLIPS, SECONDS, SEED, folder), folder


def hashes(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): sha256_of_file(p) for p in folder.rglob("*.flac")}


def test_default_catalogue_is_as_large_as_promised() -> None:
    recipes = plan(360, 12, 1685)
    assert len({r.track_id for r in recipes}) == len({file_of(r) for r in recipes}) == 360
    assert len({r.work.key for r in recipes}) >= 150
    counts = collections.Counter(r.work.label for r in recipes)
    assert len(counts) >= 6
    assert max(counts.values()) - min(counts.values()) <= 1
    assert all(count > 1 for count in collections.Counter(r.work.key for r in plan(364, 12, 1685)).values())


def test_every_listed_score_is_in_the_corpus_and_listed_once() -> None:
    listed = [work for pieces in works().values() for work in pieces]
    assert [work.path for work in listed if not (corpus_root() / work.path).is_file()] == []
    for name in ("path", "key"):
        assert len({getattr(work, name) for work in listed}) == len(listed)
    assert all(work.title and work.composer for work in listed)


def test_bigger_catalogue_begins_with_the_smaller() -> None:
    assert plan(2_000, 12, 1)[:360] == plan(360, 12, 1)
    assert len({r.track_id for r in plan(5_000, 12, 1)}) == 5_000


def test_how_a_clip_is_played_does_not_depend_on_its_label() -> None:
    recipes = plan(7_000, 12, 1685)
    for name in ("program", "tempo", "shift", "gain", "start"):
        values = np.array([getattr(r, name) for r in recipes], dtype=float)
        means = [values[[r.work.label == label for r in recipes]].mean() for label in LABELS]
        # seven means of about 1,000 draws each lie within four standard errors of the common mean
        assert np.abs(np.array(means) - values.mean()).max() < 4 * values.std() / np.sqrt(len(recipes) / len(LABELS))
    table = collections.Counter((r.work.label, r.program) for r in recipes)
    expected = len(recipes) / len(LABELS) / len(PROGRAMS)
    chi2 = sum((count - expected) ** 2 / expected for count in table.values())
    assert len(table) == len(LABELS) * len(PROGRAMS)
    assert chi2 < 86  # 0.1 % of samples with 48 degrees of freedom are beyond 84.0, rounded up


def test_draws_are_uniform_and_stand_alone() -> None:
    values = np.array([draw(1, n) for n in range(4_000)])
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.02)
    assert draw(1, "ab", "c") != draw(1, "a", "bc")


def test_files_are_what_the_table_says(demo: tuple) -> None:
    rows, folder = demo
    assert rows["track_id"].is_monotonic_increasing
    assert set(rows["path"]) == {p.as_posix() for p in folder.rglob("*") if p.is_file()}
    for path in rows["path"]:
        facts = soundfile.info(path)
        assert (facts.samplerate, facts.channels, facts.subtype) == (SAMPLE_RATE, 1, "PCM_16")
        assert facts.frames == SECONDS * SAMPLE_RATE


def test_clips_are_heard_and_not_clipped(demo: tuple) -> None:
    for path in demo[0]["path"]:
        y, _ = soundfile.read(path)
        assert 0.2 < np.abs(y).max() < 0.95
        assert np.sqrt((y**2).mean()) > 0.005
        assert np.abs(y[: SAMPLE_RATE // 2]).max() > 0.01  # it begins with a note
        assert abs(y[-1]) < 0.01


def test_same_bytes_in_another_process_whatever_the_hash_seed(demo: tuple, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from ostinato.catalog.demo.catalogue import build\n"
        f"if __name__ == '__main__': build({CLIPS}, {SECONDS}, {SEED}, Path('audio'))"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "PYTHONHASHSEED": "7",
        "OSTINATO_JOBS": "1",
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path),
    }
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert hashes(tmp_path / "audio") == hashes(demo[1])
    assert done.stdout == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audio", "home"]
    assert list((tmp_path / "home").iterdir()) == []


def test_growing_keeps_and_shrinking_removes(tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    build(7, SECONDS, SEED, folder)
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*.flac")}
    (folder / "jig").mkdir(exist_ok=True)
    (folder / "jig" / "stray.flac").write_bytes(b"x")
    (folder / ".x.flac.abc.part").write_bytes(b"half a clip of a killed run")
    build(9, SECONDS, SEED, folder)
    after = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    assert len(after) == 9
    assert before.items() <= after.items()
    build(7, SECONDS, SEED, folder)
    assert {p for p in folder.rglob("*") if p.is_file()} == set(before)


def test_another_seed_or_length_is_another_file() -> None:
    names = {file_of(plan(7, seconds, seed)[0]) for seconds, seed in ((2, 1), (2, 2), (3, 1))}
    assert len(names) == 3
    assert file_of(plan(1, 2, 1)[0]) == file_of(plan(1, 2.0, 1)[0])


def test_ties_are_joined_and_beats_follow_the_metre(tmp_path: Path) -> None:
    tune = "X:1\nT:Tied\nM:6/8\nL:1/8\nK:C\nC6-|C6|CDECDE|CDEFGA|GFEDCB,|C6|\n"
    (tmp_path / "tied.abc").write_text(tune)
    score = read_score(tmp_path / "tied.abc")
    assert (score.pitches[0], score.durations[0], score.onsets[1]) == (60, 6.0, 6.0)
    assert score.beat == 1.5
    assert score.length == 18.0
    assert np.all(np.diff(score.onsets) >= 0)


def test_scores_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not in the installed music21"):
        read_score(tmp_path / "gone.abc")
    (tmp_path / "short.abc").write_text("X:1\nT:Short\nM:4/4\nL:1/4\nK:C\nCDEF|\n")
    with pytest.raises(SourceError, match="only 4 notes"):
        read_score(tmp_path / "short.abc")


def test_excerpt_begins_with_a_note_and_fills_the_clip() -> None:
    for first in plan(7, 30, 5):
        score = read_score(corpus_root() / first.work.path)
        for start in (0.0, 0.5, 0.999):
            onsets, durations, pitches = excerpt(score, dataclasses.replace(first, start=start, seconds=60.0))
            assert onsets[0] == 0
            assert onsets.max() > 55  # a short tune is played again
            assert len(onsets) == len(durations) == len(pitches)
            assert durations.min() > 0


def test_the_recipe_decides_what_is_heard() -> None:
    first = plan(4, 2, 5)[3]
    score = read_score(corpus_root() / first.work.path)
    y = render_clip(score, first)
    assert np.array_equal(y, render_clip(score, first))
    for change in ({"shift": first.shift - 1}, {"tempo": first.tempo * 1.2}, {"start": 0.9 - first.start}):
        assert not np.array_equal(y, render_clip(score, dataclasses.replace(first, **change)))
    assert not np.array_equal(y, render_clip(score, first, program=19))
    quiet = render_clip(score, dataclasses.replace(first, gain=-20.0))
    assert np.abs(quiet).max() == pytest.approx(0.1, rel=1e-4)


def test_rights_have_something_to_keep_out() -> None:
    recipes = plan(360, 12, 1685)
    out = [r for r in recipes if draw(1685, r.work.path, r.number, "opt-out") < 0.02]
    assert 2 <= len(out) <= 18


def test_events_follow_the_stated_tastes(demo: tuple) -> None:
    rows, _ = demo
    events = simulate_events(rows, SECONDS, SEED)
    assert list(events.columns) == ["user_id", "track_id", "at", "kind", "seconds"]
    assert events["user_id"].nunique() == 200
    assert set(events["kind"]) == {"play", "skip", "like"}
    assert set(events["track_id"]) <= set(rows["track_id"])
    assert events["seconds"].between(0, SECONDS).all()
    assert events["at"].is_monotonic_increasing
    assert events.equals(simulate_events(rows, SECONDS, SEED))
    assert not events.equals(simulate_events(rows, SECONDS, SEED + 1))
    by_label = (
        events.merge(rows[["track_id", "label"]]).groupby(["user_id", "label"])["seconds"].sum().unstack(fill_value=0)
    )
    favourite = by_label.max(axis=1) / by_label.sum(axis=1)
    assert favourite.mean() > 1.5 / len(LABELS)  # without tastes it would be near 1 / labels


def test_batches_are_new_and_a_drifted_one_differs(tmp_path: Path) -> None:
    same, drifted = (make_batch(tmp_path / kind, 7, kind, seed=4, seconds=SECONDS) for kind in ("same", "drifted"))
    assert [p.name for p in same] == [p.name for p in drifted]
    assert len({sha256_of_file(p) for p in (*same, *drifted)}) == 14
    for path in drifted:
        y, sr = soundfile.read(path)
        power = np.abs(np.fft.rfft(y)) ** 2
        high = np.fft.rfftfreq(len(y), 1 / sr) > 4_200
        assert power[high].sum() < 1e-4 * power.sum()
    again = make_batch(tmp_path / "again", 7, "same", seed=4, seconds=SECONDS)
    assert [sha256_of_file(p) for p in again] == [sha256_of_file(p) for p in same]
    programs = {kind: {batch_recipe(n, kind, 4, 2).program for n in range(200)} for kind in ("same", "drifted")}
    assert programs == {"same": set(PROGRAMS), "drifted": set(FOREIGN_PROGRAMS)}
    assert not set(PROGRAMS) & set(FOREIGN_PROGRAMS)

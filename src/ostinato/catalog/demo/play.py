"""Play many recipes to files, the works shared out to processes. Imports no pandas: every worker pays for what is here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from ostinato.catalog.demo.recipe import Recipe
from ostinato.catalog.demo.render import render_clip, write_flac
from ostinato.catalog.demo.scores import corpus_root, read_score
from ostinato.catalog.workers import job_count, worker_pool
from ostinato.core.progress import track

_FEW = 4  # works to play before a second process pays for its start


def file_of(recipe: Recipe) -> str:
    """Where a clip lies below the audio folder: named after its recipe, so a file that is there is the right one."""
    return f"{recipe.track_id}.{recipe.digest}.flac"


def play(recipes: Sequence[Recipe], audio: Path) -> None:
    """Write the clips of `recipes` below `audio`; each score is read once, works are shared out to processes."""
    by_work: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        by_work.setdefault(recipe.work.path, []).append(recipe)
    if not recipes:
        return
    with track("render", total=len(recipes), unit="clips") as advance:
        for done, note in _played(by_work.values(), audio):
            advance(done, note=note)


def _played(groups: Iterable[list[Recipe]], audio: Path) -> Iterable[tuple[int, str]]:
    work = list(groups)
    if len(work) <= _FEW or job_count(len(work)) == 1:
        yield from ((play_work(group, audio), group[0].work.title) for group in work)
        return
    with worker_pool(len(work)) as pool:
        waiting = {pool.submit(play_work, group, audio): group for group in work}
        for future in as_completed(waiting):
            yield future.result(), waiting[future][0].work.title


def play_work(recipes: list[Recipe], audio: Path) -> int:
    """Write the clips of one work; returns how many."""
    score = read_score(corpus_root() / recipes[0].work.path)
    for recipe in recipes:
        write_flac(audio / file_of(recipe), render_clip(score, recipe))
    return len(recipes)

"""Build the demo's folder of clips and its table; clips that are there already are kept."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ostinato.catalog.demo.play import file_of, play
from ostinato.catalog.demo.recipe import Recipe, draw, plan

LICENCE = "public-domain score, rendered"
_OPT_OUT_SHARE = 0.02  # of clips: so that the rights gate has something to keep out


def build(clips: int, seconds: float, seed: int, audio: Path) -> pd.DataFrame:
    """Make the folder `audio` hold exactly the catalogue's clips and return its table, one row a clip, sorted by track_id.

    Only clips that are not there yet are played; files that are no clip of this catalogue are removed.
    """
    recipes = plan(clips, seconds, seed)
    wanted = {audio / file_of(recipe): recipe for recipe in recipes}
    if audio.is_dir():
        for path in sorted(audio.rglob("*")):
            if path.is_file() and path not in wanted:
                path.unlink()
    missing = [recipe for path, recipe in wanted.items() if not path.is_file()]
    play(missing, audio)
    rows = pd.DataFrame([_row(recipe, audio, seed) for recipe in recipes])
    return rows.sort_values("track_id", ignore_index=True)


def _row(recipe: Recipe, audio: Path, seed: int) -> dict[str, object]:
    work = recipe.work
    return {
        "track_id": recipe.track_id,
        "path": (audio / file_of(recipe)).as_posix(),
        "label": work.label,
        "title": work.title,
        "composer": work.composer,
        "work": work.key,
        "instrument": recipe.instrument,
        "tempo": recipe.tempo,
        "licence": LICENCE,
        "consent": True,
        "opt_out": draw(seed, work.path, recipe.number, "opt-out") < _OPT_OUT_SHARE,
    }

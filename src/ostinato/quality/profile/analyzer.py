"""`DataQualityAnalyzer`: read every column once, look at them together, say what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from ostinato.core.errors import UsageError
from ostinato.core.estimator import Parameters
from ostinato.quality.profile.association import associations_of
from ostinato.quality.profile.consistency import inconsistencies
from ostinato.quality.profile.drift import Drift
from ostinato.quality.profile.duplicates import duplicates_of
from ostinato.quality.profile.finding import Finding, counted, ordered
from ostinato.quality.profile.leaks import leaks_of
from ostinato.quality.profile.missing import missingness_of
from ostinato.quality.profile.parts import against, over_time
from ostinato.quality.profile.plausibility import far_out
from ostinato.quality.profile.report import QualityReport
from ostinato.quality.profile.sample import draw
from ostinato.quality.profile.score import score_of
from ostinato.quality.profile.view import View, view_of

if TYPE_CHECKING:
    import pandas as pd


class DataQualityAnalyzer(Parameters):
    """Says what a table is and what is wrong with it: types, gaps, spreads, repeats, associations, drift, leak suspects, a score.

    `target` is the column to be predicted, `time` one that orders rows, `groups` one whose rows belong together, `key` the
    column or columns that should tell rows apart. Each may be left out; what needs it is then left out too. Counts are
    exact; associations, leak suspects and the pattern of what is missing are read off `sample` rows, drawn by
    `random_state`. It changes nothing of the table.

    >>> import pandas as pd
    >>> report = DataQualityAnalyzer().analyze(pd.DataFrame({"bpm": [90, 120, None, 120], "key": ["C", "G", " ", "G"]}))
    >>> print(next(finding for finding in report.findings if finding.kind == "blank_values"))
    warning: key: 1 value is blank or stands for nothing: ' '. Make them missing, or say in the suite that they are values
    >>> report.column("bpm").missing
    1
    """

    def __init__(
        self,
        target: str | None = None,
        time: str | None = None,
        groups: str | None = None,
        key: str | Sequence[str] | None = None,
        sample: int = 20_000,
        n_jobs: int = 2,
        random_state: int = 0,
    ) -> None:
        self.target = target
        self.time = time
        self.groups = groups
        self.key = key
        self.sample = sample
        self.n_jobs = n_jobs
        self.random_state = random_state

    def analyze(self, df: Any, reference: Any = None, name: str = "table") -> QualityReport:
        """Analyse a table; `reference` is an earlier one of the same kind to compare it with.

        Raises UsageError where it is no table, or a named column is not in it.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._analyze(df, reference, name)

    def _analyze(self, df: Any, reference: Any, name: str) -> QualityReport:
        frame, findings = _framed(df)
        self._check(frame)
        views = self._views(frame)
        notes: list[str] = []
        if not len(frame) or not views:
            findings.append(_empty(frame))
            return QualityReport(
                name,
                len(frame),
                _bytes(frame),
                tuple(v.profile for v in views),
                ordered(findings),
                score_of(views, None, ()),
                None,
            )
        for view in views:
            findings += inconsistencies(view, self.target)
        findings += far_out(views)
        key = None if self.key is None else (self.key,) if isinstance(self.key, str) else tuple(self.key)
        duplicates, repeated = duplicates_of(views, key, self.target)
        findings += repeated
        sample = draw(views, self.sample, self.random_state)
        if sample.note:
            notes.append(f"associations, leak suspects and the pattern of gaps: {sample.note}")
        notes += [
            f"first, last and spread of {view.name}: on 50,000 of its distinct dates, drawn at random"
            for view in views
            if view.profile.moments is not None and view.profile.moments.sampled
        ]
        missing, gaps = missingness_of(views, sample)
        associations, redundant, more = associations_of(sample)
        drift, drifted = self._drift(views, reference)
        leaks, suspects = None, list[Finding]()
        if self.target is not None:
            leaks, suspects = leaks_of(views, self.target, self.groups, sample.rows, self.random_state)
        findings += [*gaps, *redundant, *drifted, *suspects]
        return QualityReport(
            name=name,
            rows=len(frame),
            bytes=_bytes(frame),
            columns=tuple(view.profile for view in views),
            findings=ordered(findings),
            score=score_of(views, duplicates, findings),
            duplicates=duplicates,
            missing=missing,
            associations=associations,
            drift=drift,
            leaks=leaks,
            notes=(*notes, *more),
        )

    def _drift(self, views: Sequence[View], reference: Any) -> tuple[Drift | None, list[Finding]]:
        if reference is not None:
            earlier = self._views(_framed(reference)[0])
            if not earlier or not len(earlier[0].absent):
                raise UsageError(
                    "reference: the table to compare with has no rows or no columns; leave it out or give another"
                )
            return against(views, earlier)
        return over_time(views, self.time) if self.time is not None else (None, [])

    def _views(self, frame: pd.DataFrame) -> list[View]:
        """Columns read by threads: sorting, hashing and matching let go of the interpreter."""
        with ThreadPoolExecutor(max(self.n_jobs, 1)) as pool:
            jobs = [
                pool.submit(view_of, frame.iloc[:, at], str(name), at, self.random_state)
                for at, name in enumerate(frame.columns)
            ]
            return [job.result() for job in jobs]

    def _check(self, frame: pd.DataFrame) -> None:
        keys = [] if self.key is None else [self.key] if isinstance(self.key, str) else list(self.key)
        named = {"target": self.target, "time": self.time, "groups": self.groups}
        for role, column in [*named.items(), *(("key", each) for each in keys)]:
            if column is not None and column not in set(frame.columns):
                shown = ", ".join(frame.columns[:20])
                raise UsageError(
                    f"{role}={column!r}: the table has no such column. It has {shown}; name one of them or leave {role} out"
                )


def _framed(df: Any) -> tuple[pd.DataFrame, list[Finding]]:
    """The table with column names that are words and differ, and what was wrong with them."""
    import pandas as pd

    if not isinstance(df, pd.DataFrame):
        if not (isinstance(df, np.ndarray) and df.ndim == 2):  # noqa: PLR2004 - rows and columns
            raise UsageError(
                f"{type(df).__name__} is no table: give a pandas DataFrame or a NumPy array of rows and columns"
            )
        df = pd.DataFrame(df)
    names, seen = [], dict[str, int]()
    for label in df.columns:
        name = " / ".join(map(str, label)) if isinstance(label, tuple) else str(label)
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    frame = df.set_axis(pd.Index(names, dtype=object), axis=1)
    twice = tuple(name for name, count in seen.items() if count > 1)
    if not twice:
        return frame, []
    says = f"{counted(len(twice), 'name')} stand{'s' * (len(twice) == 1)} for several columns"
    return frame, [
        Finding("column_names", "critical", twice, says, "Give each column its own name; here they are numbered")
    ]


def _empty(frame: pd.DataFrame) -> Finding:
    what = "rows" if len(frame.columns) else "columns"
    return Finding("empty_table", "critical", (), f"the table has no {what}", "Look whether the source was read at all")


def _bytes(frame: pd.DataFrame) -> int:
    return int(frame.memory_usage(index=False, deep=False).sum())

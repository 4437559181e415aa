"""The page's part on columns: one line for each, which opens to its figures and drawing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from ostinato.quality.profile.column import ColumnProfile
from ostinato.quality.profile.drawing import histogram, share_bar, top_bars
from ostinato.quality.profile.finding import SEVERITIES, figure, percent, shown
from ostinato.quality.profile.spread import Histogram

if TYPE_CHECKING:
    from ostinato.quality.profile.report import QualityReport

_OPEN = 40  # columns up to which each is open from the start


def columns_section(report: QualityReport) -> str:
    """All columns in the table's order."""
    worst: dict[str, str] = {}
    for finding in report.findings:  # the worst come first
        for name in finding.columns:
            worst.setdefault(name, finding.severity)
    opened = " open" if len(report.columns) <= _OPEN else ""
    return "".join(_card(each, worst.get(each.name), opened) for each in report.columns)


def _card(column: ColumnProfile, severity: str | None, opened: str) -> str:
    mark = f'<span class="mark {severity}">{severity}</span>' if severity in SEVERITIES else ""
    head = (
        f'<summary><code>{escape(shown(column.name))}</code> <span class="meaning">{escape(column.meaning)}</span> '
        f'<span class="faint">{escape(column.storage)}</span> {mark}</summary>'
    )
    facts = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{value}</td></tr>" for name, value in _facts(column))
    body = f'<div class="two"><table class="figures">{facts}</table>{_drawing(column)}</div>'
    return f'<details class="card"{opened}>{head}{body}</details>'


def _facts(column: ColumnProfile) -> list[tuple[str, str]]:
    found = [("missing", f"{share_bar(column.missing_share, 'warn')} {percent(column.missing_share)}")]
    if column.blank:
        found.append(("of them blank", f"{column.blank:,}"))
    found.append(("distinct", f"{column.distinct:,}"))
    if (spread := column.spread) is not None:
        q = spread.quantiles
        found += [
            ("least, most", f"{figure(q['0'])}, {figure(q['1'])}"),
            ("middle half", f"{figure(q['0.25'])} to {figure(q['0.75'])}, median {figure(q['0.5'])}"),
            ("mean ± deviation", f"{figure(spread.mean)} ± {figure(spread.std)}"),
            ("skew, kurtosis", f"{spread.skew:.2f}, {spread.kurtosis:.2f}"),
        ]
        for name, count in (("zeros", spread.zeros), ("negative", spread.negative), ("infinite", spread.infinite)):
            if count:
                found.append((name, f"{count:,} ({percent(count / max(column.filled, 1))})"))
        if spread.far_out:
            found.append(
                ("far out", f"{spread.far_out:,} outside {figure(spread.fences[0])} to {figure(spread.fences[1])}")
            )
    if (moments := column.moments) is not None:
        found += [("first", moments.first.replace("T00:00:00", "")), ("last", moments.last.replace("T00:00:00", ""))]
        found += [("zone", f"{escape(zone)}: {rows:,}") for zone, rows in moments.zones.items()]
    if (words := column.words) is not None:
        found.append(("letters", f"{words.shortest} to {words.longest}, mean {words.mean_length:.1f}"))
        if words.padded:
            found.append(("with spaces around", f"{words.padded:,}"))
        if words.non_ascii:
            found.append(("beyond ASCII", f"{words.non_ascii:,}"))
        if words.language:
            found.append(("language, guessed", words.language))
        forms = {name: rows for name, rows in words.forms.items() if name != "other words"}
        found += [("form", f"{escape(name)}: {rows:,}") for name, rows in list(forms.items())[:6]]
    found += [("type", f"{escape(name)}: {rows:,}") for name, rows in list(column.types.items())[:6]]
    return found


def _drawing(column: ColumnProfile) -> str:
    if column.moments is not None:
        drawn = column.moments.histogram
        return _bars(column, drawn, _day)
    if column.spread is not None and (len(column.spread.histogram.counts) > 2 or column.meaning == "number"):  # noqa: PLR2004
        return _bars(column, column.spread.histogram, figure)
    if column.distinct < column.filled or column.distinct <= 1:
        return top_bars(column.top, column.filled)
    return (
        f'<p class="faint">each value once, such as {", ".join(escape(value) for value, _ in column.top[:3])}</p>'
        if column.top
        else ""
    )


def _bars(column: ColumnProfile, drawn: Histogram, words: Callable[[float], str]) -> str:
    if not drawn.edges:
        return ""
    ends = words(drawn.edges[0]), words(drawn.edges[-1])
    label = f"How {column.name} is spread, from {ends[0]} to {ends[1]}"
    return histogram(drawn, label, ends)


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"

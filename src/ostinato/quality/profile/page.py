"""The report as one page: what is wrong first, then every column, then how columns go together. No script, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from ostinato.quality.profile.drawing import heatmap, pattern, share_bar
from ostinato.quality.profile.finding import SEVERITIES, Finding, counted, percent
from ostinato.quality.profile.leaks import SUSPECT
from ostinato.quality.profile.page_columns import columns_section
from ostinato.quality.profile.page_style import STYLE

if TYPE_CHECKING:
    from ostinato.quality.profile.report import QualityReport

_MOST_NUMBERS = 25  # columns of a heatmap that can still be read
_MOST_PAIRS = 25
_SMALLEST_P = 1e-16
_MARKS = {"critical": "✖", "warning": "▲", "info": "●"}
_PARTS = {
    "completeness": "cells that hold a value",
    "uniqueness": "rows that are no repeat of a row or a key",
    "validity": "filled cells that can be what their column is",
    "consistency": "filled cells written as the rest of their column",
    "information": "columns that tell rows apart",
}


def page_of(report: QualityReport) -> str:
    """The whole page."""
    sections = [
        ("wrong", "What is wrong", _findings(report)),
        ("columns", "Columns", columns_section(report)),
        ("missing", "What is missing", _missing(report)),
        ("together", "What goes together", _together(report)),
        ("target", "What tells the target", _leaks(report)),
        ("drift", "What changed", _drift(report)),
        ("how", "How this was made", _how(report)),
    ]
    kept = [(key, title, body) for key, title, body in sections if body]
    links = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in kept)
    body = "".join(f'<section id="{key}"><h2>{title}</h2>{text}</section>' for key, title, text in kept)
    name = escape(report.name)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>Quality of {name}</title><style>{STYLE}</style></head>\n<body><main><header><h1>{name}</h1>"
        f"{_summary(report)}</header><nav aria-label='Sections'>{links}</nav>\n{body}</main></body></html>\n"
    )


def _summary(report: QualityReport) -> str:
    gone = sum(c.missing + c.blank for c in report.columns) / max(report.rows * len(report.columns), 1)
    facts = [
        counted(report.rows, "row"),
        counted(len(report.columns), "column"),
        f"{percent(gone)} of the cells missing",
        *(f"{len(report.of_severity(each))} {each}" for each in SEVERITIES),
    ]
    parts = "".join(
        f'<tr><th scope="row">{name}</th><td>{share_bar(share)}</td><td class="n">{percent(share)}</td>'
        f'<td class="faint">{_PARTS[name]}</td></tr>'
        for name, share in report.score.parts.items()
    )
    return (
        f'<p class="facts">{" · ".join(facts)}</p><div class="score"><p class="total"><strong>{report.score.shown()}</strong>'
        f"<span>of 100</span></p><table>{parts}</table></div>"
    )


def _findings(report: QualityReport) -> str:
    if not report.findings:
        return '<p class="good">Nothing was found.</p>'
    return "<ol class='findings'>" + "".join(_finding(each) for each in report.findings) + "</ol>"


def _finding(each: Finding) -> str:
    names = " ".join(f"<code>{escape(name)}</code>" for name in each.columns[:8])
    if len(each.columns) > 8:  # noqa: PLR2004 - those shown
        names += f" and {len(each.columns) - 8} more"
    rows = ""
    if each.rows:
        pairs = [
            f"{row:,}" + (f" ({escape(each.values[at])})" if at < len(each.values) else "")
            for at, row in enumerate(each.rows)
        ]
        rows = f'<p class="faint">for example row{"s" * (len(pairs) > 1)} {", ".join(pairs)}, counted from 0</p>'
    return (
        f'<li class="{each.severity}"><p><span class="mark"><span aria-hidden="true">{_MARKS[each.severity]}</span> '
        f"{each.severity}</span> {names} {escape(each.says)}.</p><p class='todo'>{escape(each.todo)}.</p>{rows}</li>"
    )


def _missing(report: QualityReport) -> str:
    facts = report.missing
    if facts is None or not facts.cells:
        return ""
    columns = list(dict.fromkeys(name for gone, _ in facts.patterns for name in gone))[:40]
    said = [
        f"{counted(facts.cells, 'cell')} of {report.rows * len(report.columns):,} hold nothing; "
        f"{counted(facts.complete_rows, 'row')} ({percent(facts.complete_rows / max(report.rows, 1))}) are complete."
    ]
    if facts.little is not None:
        verdict = "speaks against gaps at random" if facts.little.p < 0.01 else "does not speak against gaps at random"  # noqa: PLR2004
        said.append(
            f"Little's test over {len(facts.little.columns)} columns of numbers {verdict} "
            f"(chi-square {facts.little.statistic:.1f} on {facts.little.degrees} degrees, p: {_p(facts.little.p)})."
        )
    drawn = pattern(columns, facts.patterns, report.rows) if columns else ""
    signs = _table(
        ("missing in", "goes with", "effect", "p, corrected"),
        [(escape(s.column), escape(s.other), f"{s.effect:+.2f}", _p(s.p)) for s in facts.signs[:_MOST_PAIRS]],
    )
    return f"<p>{' '.join(said)}</p>{drawn}" + (
        f"<h3>Columns that differ where another is missing</h3>{signs}" if facts.signs else ""
    )


def _together(report: QualityReport) -> str:
    facts = report.associations
    if facts is None or (not facts.pairs and len(facts.numbers) < 2):  # noqa: PLR2004 - one column has no partner
        return ""
    names, matrix = facts.numbers, facts.spearman
    drawn = ""
    if len(names) > 1:
        strength = [sum(abs(v) for j, v in enumerate(row) if v == v and j != i) for i, row in enumerate(matrix)]  # noqa: PLR0124
        kept = sorted(sorted(range(len(names)), key=lambda at: -strength[at])[:_MOST_NUMBERS])
        part = [[matrix[i][j] for j in kept] for i in kept]
        more = f", the {_MOST_NUMBERS} of {len(names)} that go together most" if len(kept) < len(names) else ""
        drawn = f"<h3>Rank correlations{more}</h3>" + heatmap(
            [names[at] for at in kept], part, "Rank correlations of numbers"
        )
    words = {"spearman": "Spearman's rho", "cramers_v": "Cramér's V", "correlation_ratio": "correlation ratio"}
    pairs = [
        (
            escape(p.one),
            escape(p.other),
            words[p.measure],
            f"{p.value:+.2f}" if p.measure == "spearman" else f"{p.value:.2f}",
        )
        for p in facts.pairs[:_MOST_PAIRS]
    ]
    return drawn + "<h3>Strongest pairs</h3>" + _table(("one", "other", "measure", "value"), pairs)


def _leaks(report: QualityReport) -> str:
    facts = report.leaks
    if facts is None:
        return ""
    rows = [
        (
            escape(s.column),
            f"{share_bar(s.skill, 'warn' if s.skill >= SUSPECT else '')} {percent(s.skill)}",
            percent(s.of_gaps) if s.of_gaps else "",
        )
        for s in facts.skills[:30]
    ]
    return (
        f"<p><code>{escape(facts.target)}</code> as {escape(facts.kind)}: what each column alone says of it on rows that "
        f"it was not learnt from, {counted(facts.rows, 'row')}.</p>"
        + _table(("column", "by its value", "by being missing"), rows)
    )


def _drift(report: QualityReport) -> str:
    facts = report.drift
    if facts is None:
        return ""
    rows = [
        (
            escape(s.column),
            s.measure,
            f"{share_bar(s.distance, 'warn' if s.distance >= 0.1 else '')} {s.distance:.2f}",  # noqa: PLR2004
            _p(s.p),
            f"{s.stability:.2f}",
            f"{percent(s.missing_before)} → {percent(s.missing_after)}",
            percent(s.unseen) if s.unseen else "",
        )
        for s in facts.shifts[:60]
    ]
    head = ("column", "measure", "distance", "p, corrected", "stability index", "missing", "not seen before")
    return (
        f"<p>{escape(facts.before)} ({counted(facts.rows[0], 'row')}) against {escape(facts.after)} "
        f"({counted(facts.rows[1], 'row')}).</p>" + _table(head, rows)
    )


def _how(report: QualityReport) -> str:
    said = [
        "Counts, quantiles, histograms and repeats are exact.",
        *(f"{note[0].upper()}{note[1:]}." for note in report.notes),
        "The score is 100 times the geometric mean of its parts, weighted 0.3, 0.2, 0.2, 0.2 and 0.1: "
        "one bad part cannot be hidden by good ones.",
        "Far out means beyond 3 interquartile ranges of the quartiles (Tukey). Rows are counted from 0.",
        "Whether gaps depend on the missing values themselves no table can show.",
    ]
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in said) + "</ul>"


def _p(value: float) -> str:
    """A p-value; below what the arithmetic can tell apart it is only small."""
    return f"{value:.1g}" if value >= _SMALLEST_P else f"< {_SMALLEST_P:g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are HTML already."""
    if not rows:
        return ""
    top = "".join(f'<th scope="col">{each}</th>' for each in head)
    return f'<div class="wide"><table class="list"><thead><tr>{top}</tr></thead><tbody>{"".join(_rows(rows))}</tbody></table></div>'


def _rows(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"

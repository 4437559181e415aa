"""Small drawings as inline SVG, which take the page's colours and say in words what they show."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ostinato.quality.profile.finding import figure, percent, shown
from ostinato.quality.profile.spread import Histogram

_WIDTH, _HEIGHT = 260, 72
_SMALL = 0.04  # least height of a bar that is not empty, as a share


def histogram(drawn: Histogram, label: str, ends: tuple[str, str]) -> str:
    """Bars over a range whose ends are written below."""
    if not drawn.counts:
        return ""
    most = max(*drawn.counts, 1)
    width = _WIDTH / len(drawn.counts)
    bars = []
    for at, count in enumerate(drawn.counts):
        height = 0.0 if count == 0 else max(count / most, _SMALL) * _HEIGHT
        words = f"{_edge(drawn, at)}: {count:,}"
        bars.append(
            f'<rect x="{at * width:.1f}" y="{_HEIGHT - height:.1f}" width="{max(width - 1, 0.8):.1f}" height="{height:.1f}">'
            f"<title>{escape(words)}</title></rect>"
        )
    outside = [
        f'<text class="small" x="{x}" y="10" text-anchor="{anchor}">{escape(words)}</text>'
        for x, anchor, count, words in (
            (0, "start", drawn.below, f"← {drawn.below:,} below"),
            (_WIDTH, "end", drawn.above, f"{drawn.above:,} above →"),
        )
        if count
    ]
    return (
        f'<svg class="bars" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT + 16}" width="{_WIDTH}" height="{_HEIGHT + 16}">'
        f"<title>{escape(label)}</title>{''.join(bars)}{''.join(outside)}"
        f'<line x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}"/>'
        f'<text class="small" x="0" y="{_HEIGHT + 13}">{escape(ends[0])}</text>'
        f'<text class="small" x="{_WIDTH}" y="{_HEIGHT + 13}" text-anchor="end">{escape(ends[1])}</text></svg>'
    )


def _edge(drawn: Histogram, at: int) -> str:
    if drawn.exact:
        return figure(drawn.edges[at])
    return f"{figure(drawn.edges[at])} to {figure(drawn.edges[at + 1])}"


def top_bars(top: Sequence[tuple[str, int]], filled: int, most: int = 6) -> str:
    """The commonest values as bars with their words and shares."""
    if not top or filled <= 0:
        return ""
    rows = [
        f'<tr><td class="word">{escape(shown(value))}</td><td>{share_bar(count / filled)}</td><td class="n">{count:,}</td>'
        f'<td class="n">{percent(count / filled)}</td></tr>'
        for value, count in top[:most]
    ]
    rest = filled - sum(count for _, count in top[:most])
    if rest > 0:
        rows.append(f'<tr><td class="word faint">all others</td><td></td><td class="n">{rest:,}</td><td></td></tr>')
    return f'<table class="top">{"".join(rows)}</table>'


def share_bar(share: float, kind: str = "") -> str:
    """A share as a bar; the number stands beside it, so it is hidden from readers aloud."""
    width = 0.0 if share <= 0 else max(min(share, 1.0) * 100, 1.5)
    return (
        f'<svg class="share {kind}" aria-hidden="true" viewBox="0 0 100 8" preserveAspectRatio="none" width="100" height="8">'
        f'<rect class="back" width="100" height="8"/><rect width="{width:.1f}" height="8"/></svg>'
    )


def heatmap(names: Sequence[str], matrix: Sequence[Sequence[float]], label: str) -> str:
    """A square of correlations: blue together, orange against each other, strength as opacity, the value in each cell."""
    k = len(names)
    cell, left, top = 30, 150, 130
    parts = []
    for i, row in enumerate(matrix):
        y = top + i * cell
        parts.append(
            f'<text class="small" x="{left - 6}" y="{y + 19}" text-anchor="end">{escape(_short(names[i]))}</text>'
        )
        turned = f"translate({left + i * cell + 18},{top - 6}) rotate(-55)"
        parts.append(f'<text class="small" transform="{turned}">{escape(_short(names[i]))}</text>')
        for j, value in enumerate(row):
            x = left + j * cell
            if value != value or i == j:  # noqa: PLR0124 - NaN differs from itself
                continue
            kind = "plus" if value >= 0 else "minus"
            words = escape(f"{names[i]} and {names[j]}: {value:.2f}")
            parts.append(
                f'<g><title>{words}</title><rect class="{kind}" x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" '
                f'fill-opacity="{abs(value):.2f}"/><text class="cell" x="{x + cell / 2}" y="{y + 19}">{_two(value)}</text></g>'
            )
    size = left + k * cell + 90, top + k * cell
    return (
        f'<div class="wide"><svg class="heat" role="img" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg></div>"
    )


def _two(value: float) -> str:
    return f"{value:.1f}".replace("0.", ".").replace("-.0", ".0")


def _short(name: str, most: int = 22) -> str:
    name = shown(name)
    return name if len(name) <= most else name[: most - 1] + "…"


def pattern(columns: Sequence[str], patterns: Sequence[tuple[tuple[str, ...], int]], rows: int) -> str:
    """Which columns are missing together: a row a pattern, a square a column, filled where it is missing."""
    cell, top = 22, 130
    parts = [
        f'<text class="small" transform="translate({at * cell + 14},{top - 6}) rotate(-55)">{escape(_short(name))}</text>'
        for at, name in enumerate(columns)
    ]
    for i, (gone, count) in enumerate(patterns):
        y = top + i * cell
        for at, name in enumerate(columns):
            kind = "gap" if name in gone else "there"
            parts.append(
                f'<rect class="{kind}" x="{at * cell}" y="{y}" width="{cell - 2}" height="{cell - 2}" rx="3"/>'
            )
        words = f"{count:,} rows ({percent(count / max(rows, 1))}) lack {', '.join(gone)}"
        parts.append(
            f'<text class="small" x="{len(columns) * cell + 8}" y="{y + 15}">{count:,} rows, {percent(count / max(rows, 1))}'
            f"<title>{escape(words)}</title></text>"
        )
    size = len(columns) * cell + 190, top + len(patterns) * cell + 4
    return (
        f'<div class="wide"><svg class="pattern" role="img" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}">'
        f"<title>Columns that are missing together</title>{''.join(parts)}</svg></div>"
    )

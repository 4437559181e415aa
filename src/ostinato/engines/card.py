"""The model card: what the model is for, how it was judged, what it found, where it ends. Deterministic Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ostinato.engines.artefact import ModelArtefact

_MOST_ROWS = 20


def card(
    problem: str, artefact: ModelArtefact, metrics: Mapping[str, Any], importance: Iterable[tuple[str, float]]
) -> str:
    """The card of one model, from its artefact and its metrics."""
    parts = [
        f"# Model card: {problem}",
        _what(artefact),
        "## How it was judged\n\n"
        f"{metrics['protocol'][0].upper()}{metrics['protocol'][1:]}. The test fold has {metrics['rows']} tracks "
        f"of {metrics['groups']} groups.",
        "## Figures on the test fold\n\n" + _figures(metrics),
        "## Gates\n\n" + _gates(metrics["gates"]),
    ]
    if metrics["per_class"]:
        parts.append("## By label\n\n" + _per_class(metrics["per_class"]))
    parts += [f"## By {column}\n\n{_slice(own, metrics['metric'])}" for column, own in metrics["slices"].items()]
    parts.append("## Members of the vote\n\n" + _members(artefact))
    parts.append("## What it listens to\n\n" + _importance(importance, metrics["metric"]))
    parts.append("## Limits\n\n" + _limits(artefact, metrics))
    return "\n\n".join(parts) + "\n"


def _what(artefact: ModelArtefact) -> str:
    labels = ", ".join(map(str, artefact.classes))
    what = f"one of {len(artefact.classes)} labels: {labels}" if labels else "a number"
    return (
        f"Predicts `{artefact.manifest['target']}` ({artefact.kind}), {what}. It reads {len(artefact.features)} inputs "
        f"({', '.join(artefact.manifest['inputs'])}). Artefact `{artefact.digest}`."
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(str(value).split()).replace("|", "\\|")


def _figures(metrics: Mapping[str, Any]) -> str:
    spans = metrics["intervals"]
    share = f"{spans['confidence']:.0%} interval" if spans else "interval"
    rows = []
    for name, value in metrics["test"].items():
        span = f"{spans[name]['low']:.4g} to {spans[name]['high']:.4g}" if spans else "–"
        rows.append((f"**{name}**" if name == metrics["metric"] else name, value, span, metrics["dummy"][name]))
    note = f"\n\nIntervals: bootstrap over {spans['over_groups']} groups." if spans else ""
    return _table(("metric", "model", share, "dummy"), rows) + note


def _gates(gates: Mapping[str, Any]) -> str:
    rows = [
        (n, g["says"], g["measured"], g["bound"], "passed" if g["passed"] else "**failed**") for n, g in gates.items()
    ]
    return _table(("gate", "says", "measured", "bound", "verdict"), rows)


def _per_class(per_class: Mapping[str, Any]) -> str:
    return _table(
        ("label", "rows", "recall", "precision"),
        ((name, own["rows"], own["recall"], own["precision"]) for name, own in per_class.items()),
    )


def _slice(own: Mapping[str, Any], metric: str) -> str:
    if "skipped" in own:
        return f"Not shown: {own['skipped']}."
    values = list(own["values"].items())
    rows = [(value, each["rows"], each[metric], each.get("accuracy")) for value, each in values[:_MOST_ROWS]]
    more = f"\n\n{len(values) - _MOST_ROWS} further values are in evaluation.json." if len(values) > _MOST_ROWS else ""
    few = f"\n\n{own['too_few_rows']} values have too few rows to show." if own["too_few_rows"] else ""
    return _table(("value", "rows", metric, "accuracy"), rows) + more + few


def _members(artefact: ModelArtefact) -> str:
    rows = [(m["key"], m["family"], m["weight"], m["score"]) for m in artefact.manifest["members"]]
    note = f"\n\nTemperature of the vote: {artefact.manifest['temperature']:.4g}." if artefact.classes else ""
    return _table(("algorithm", "family", "weight", "out-of-fold score"), rows) + note


def _importance(importance: Iterable[tuple[str, float]], metric: str) -> str:
    rows = list(importance)[:10]
    return (
        f"Loss of {metric} on the test fold when a column is shuffled; columns that tell the same share it.\n\n"
        + _table(("input", "importance"), rows)
    )


def _limits(artefact: ModelArtefact, metrics: Mapping[str, Any]) -> str:
    lines = []
    if artefact.classes:
        lines.append(
            "- It always answers with one of its labels, also for music that is none of them; look at the probability."
        )
    lines.append(
        "- It was judged on the catalogue it comes from; music recorded or produced otherwise may be judged worse."
    )
    lines.append(
        f"- The figures rest on {metrics['rows']} tracks of {metrics['groups']} groups; "
        "the intervals say how far to trust them."
    )
    if "may be optimistic" in metrics["protocol"]:
        lines.append("- No groups were known when it was judged, so the figures may be optimistic.")
    weak = [name for name, own in metrics["per_class"].items() if own["recall"] is not None and own["recall"] < 0.5]  # noqa: PLR2004
    if weak:
        lines.append(f"- It finds fewer than half of the tracks of: {', '.join(weak)}.")
    return "\n".join(lines)

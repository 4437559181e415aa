"""Data Docs: Great Expectations' own pages, one a suite, with an index; they need no network and no server."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ostinato.core.files import replacing_folder
from ostinato.quality.judgement import Judgement

# The vendor's pages fetch styles, scripts and a logo from seven hosts. Those are cut; this stands in for the styles.
STYLE = """<style>
body{font:14px/1.5 system-ui,sans-serif;color:#222;max-width:1200px;margin:0 auto;padding:1rem}
.row{display:flex;flex-wrap:wrap;gap:1rem}
.col-md-10,.col-lg-10,.col-8{flex:1 1 60%}.col-md-2,.col-lg-2,.col-4{flex:0 0 14rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{border:1px solid #ccc;padding:.3rem .6rem;vertical-align:top}
.text-success{color:#17803d}.text-danger{color:#b3261e}.text-warning{color:#9a6700}a{color:#0b57d0}
.fa-check-circle:before{content:"\\2713"}.fa-times:before{content:"\\2717"}.collapse{display:block}
.modal,.cooltip .top,footer,#ge-cta-footer,.navbar-toggler{display:none}
</style>"""
_REMOTE = re.compile(
    r"<script\b[^>]*\bsrc=[\"']?https?:[^>]*>\s*</script>|<link\b[^>]*\bhref=[\"']?(?:https?:|[./]*static/)[^>]*>"
    r"|<img\b[^>]*\bsrc=[\"']?https?:[^>]*>|<footer\b.*?</footer>",
    re.DOTALL | re.IGNORECASE,
)
_REMOTE_STYLE = re.compile(r"url\(['\"]?https?:[^)]*\)")


def write_docs(folder: Path, judgements: Sequence[Judgement]) -> Path:
    """Write `<suite>.html` for each judgement and `index.html`, replacing the folder; returns the index's path."""
    with replacing_folder(folder) as part:
        for judgement in judgements:
            (part / f"{judgement.suite}.html").write_text(page(judgement.result), encoding="utf-8")
        (part / "index.html").write_text(_index(judgements), encoding="utf-8")
    return folder / "index.html"


def page(result: Any) -> str:
    """The vendor's page of a validation result, without anything that a reader's browser would fetch."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    text = str(DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result)))
    text = _REMOTE_STYLE.sub("none", _REMOTE.sub("", text))
    text = re.sub(r"href=([\"'])(?:\.\./)+index\.html\1", 'href="index.html"', text)
    text = re.sub(r"href=([\"'])(?:\.\./)+expectations/[^\"']*\1", 'href="index.html"', text)
    return text.replace("</head>", STYLE + "</head>", 1)


def _index(judgements: Sequence[Judgement]) -> str:
    rows = "".join(
        f'<tr><td><a href="{html.escape(j.suite)}.html">{html.escape(j.suite)}</a></td><td>{j.rows}</td>'
        f"<td>{j.evaluated}</td><td>{len(j.failures)}</td><td>{len(j.critical)}</td>"
        f"<td>{len({bad.row for bad in j.bad_rows})}</td></tr>"
        for j in judgements
    )
    heads = "".join(
        f"<th>{name}</th>" for name in ("suite", "rows", "expectations", "failed", "critical", "quarantined")
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data quality</title>{STYLE}</head>'
        f"<body><h1>Data quality</h1><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        "</body></html>\n"
    )

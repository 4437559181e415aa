"""The page's style: colours with enough contrast on light and on dark, nothing that only colour says."""
# ruff: noqa: E501 - a rule of style a line

STYLE = """
:root{--ink:#1c2330;--faint:#5a6475;--paper:#fff;--card:#f6f7f9;--line:#d8dde5;--blue:#2563a8;--orange:#b4540a;--red:#b3261e;--back:#e3e7ed}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaf0;--faint:#a3adbd;--paper:#14181f;--card:#1c222b;--line:#353d4a;--blue:#7db2ee;
--orange:#f0a15c;--red:#ff8f86;--back:#323a46}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.25rem;margin:2.2rem 0 .7rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
h3{font-size:1rem;margin:1.2rem 0 .4rem}p{margin:.3rem 0}code{font:13px/1.4 ui-monospace,Consolas,monospace;background:var(--back);
padding:.05rem .3rem;border-radius:4px;overflow-wrap:anywhere}
.faint{color:var(--faint)}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.facts{color:var(--faint)}
nav{position:sticky;top:0;background:var(--paper);padding:.5rem 0;border-bottom:1px solid var(--line);display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;z-index:1}
a{color:var(--blue)}section{scroll-margin-top:3rem}
.score{display:flex;flex-wrap:wrap;gap:.5rem 2rem;align-items:center;margin:.8rem 0}.total{display:flex;align-items:baseline;gap:.4rem}
.total strong{font-size:3rem;line-height:1}.score th{text-align:left;font-weight:500;padding-right:1rem}.score td{padding:.05rem .4rem}
.findings{list-style:none;padding:0;display:grid;gap:.6rem}.findings li{background:var(--card);border-left:5px solid var(--line);
border-radius:6px;padding:.6rem .9rem;overflow-wrap:anywhere}
.findings .critical{border-color:var(--red)}.findings .warning{border-color:var(--orange)}.findings .info{border-color:var(--blue)}
.mark{font-weight:600;font-size:.85rem}.critical .mark,.mark.critical{color:var(--red)}.warning .mark,.mark.warning{color:var(--orange)}
.info .mark,.mark.info{color:var(--blue)}.todo{font-weight:500}.good{font-weight:600}
.card{background:var(--card);border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.5rem .9rem}
summary{cursor:pointer}.meaning{font-weight:600}.two{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;align-items:flex-start;padding:.5rem 0}
.figures th,.figures td{text-align:left;font-weight:400;padding:.05rem .8rem .05rem 0;vertical-align:top}.figures th{color:var(--faint);white-space:nowrap}
table{border-collapse:collapse}.top td{padding:.05rem .5rem .05rem 0}.word{max-width:22rem;overflow-wrap:anywhere}
.list th,.list td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line)}.wide{overflow-x:auto;max-width:100%}
svg{vertical-align:middle;max-width:none}svg text{fill:var(--ink)}.small{font-size:11px}.cell{font-size:10px;text-anchor:middle}
.bars rect,.share rect{fill:var(--blue)}.share .back,.share.warn .back{fill:var(--back)}.share.warn rect{fill:var(--orange)}.bars line{stroke:var(--faint)}
.plus{fill:#4a90d9}.minus{fill:#e0812b}.gap{fill:var(--orange)}.there{fill:var(--back)}
@media print{nav{position:static}.card{break-inside:avoid}}
"""

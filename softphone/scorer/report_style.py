"""How a report looks: light and dark, from a phone to a wide screen, and on paper."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1d22;--dim:#5a606b;--paper:#fbfbfa;--card:#fff;--edge:#dfe1e6;--grid:#e6e8ec;
--ref:#8a93a3;--deg:#2663c9;--q5:#1d8a4e;--q4:#5f9e2f;--q3:#c99a06;--q2:#dd6b20;--q1:#c53030;--bad:#c53030;--note:#8450b8}
@media(prefers-color-scheme:dark){:root{--ink:#e8e9ec;--dim:#a3a9b5;--paper:#14161a;--card:#1d2025;--edge:#31353d;--grid:#2c3038;
--ref:#808a9c;--deg:#7fb0ff;--q5:#46c07c;--q4:#93c95a;--q3:#e6c04a;--q2:#f0914f;--q1:#f06a6a;--bad:#f06a6a;--note:#bd95ea}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;padding:1rem;max-width:70rem}
h1{font-size:1.25rem;margin:.2rem 0 1rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.dim,.note{color:var(--dim)}.note{font-size:.85rem;margin:.2rem 0 0}
.top{display:flex;flex-wrap:wrap;gap:1rem;align-items:stretch}
.mos{background:var(--card);border:1px solid var(--edge);border-radius:.6rem;padding:1rem 1.4rem;min-width:11rem}
.mos b{font-size:2.6rem;line-height:1.1;display:block}
.facts{flex:1 1 18rem;display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.5rem}
.facts div{overflow-wrap:anywhere;background:var(--card);border:1px solid var(--edge);border-radius:.6rem;padding:.5rem .8rem}
.facts span{display:block;color:var(--dim);font-size:.8rem}
.words{list-style:none;margin:1rem 0;padding:0;display:grid;gap:.5rem}
.words li{background:var(--card);border:1px solid var(--edge);border-left:.35rem solid var(--bad);
border-radius:.4rem;padding:.5rem .8rem}
.words li.ok{border-left-color:var(--q5)}.words b{margin-right:.5rem}.words small{display:block;color:var(--dim)}
figure{margin:1rem 0}figcaption{font-weight:600;font-size:.95rem}
.plot{display:grid;grid-template-columns:3.1rem 1fr;grid-template-rows:7rem 1.4rem}.plot.tall{grid-template-rows:10rem 1.4rem}
.plot.strip{grid-template-rows:1.6rem 1.4rem}
.area{position:relative;background:var(--card);border:1px solid var(--edge);overflow:hidden}
.area svg,.area img{position:absolute;inset:0;width:100%;height:100%;display:block}
.area img{image-rendering:auto;background:#0a081e}
.y,.x{position:relative;font-size:.72rem;color:var(--dim);font-variant-numeric:tabular-nums}
.y span{position:absolute;right:.4rem;transform:translateY(-50%)}.y span.low{transform:translateY(-100%)}
.y span.high{transform:none}
.y em{position:absolute;left:0;top:50%;font-style:normal;writing-mode:vertical-rl;transform:translateY(-50%) rotate(180deg)}
.x{grid-column:2}.x span{position:absolute;top:.15rem;transform:translateX(-50%);white-space:nowrap}
.x span:first-child{transform:none}.x span.end{transform:translateX(-100%)}
.grid{stroke:var(--grid);fill:none;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:1.6;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.ref{stroke:var(--ref)}.deg{stroke:var(--deg)}.ref.solid{fill:var(--ref);stroke:none}.deg.solid{fill:var(--deg);stroke:none}
.q5{fill:var(--q5)}.q4{fill:var(--q4)}.q3{fill:var(--q3)}.q2{fill:var(--q2)}.q1{fill:var(--q1)}
.bad{fill:var(--bad)}.event{fill:var(--note)}
b.q5{color:var(--q5)}b.q4{color:var(--q4)}b.q3{color:var(--q3)}b.q2{color:var(--q2)}b.q1{color:var(--q1)}
.key i{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin:0 .3rem 0 .9rem;vertical-align:-.05rem}
.key .ref{background:var(--ref)}.key .deg{background:var(--deg)}.key i.bad{background:var(--bad)}
.key i.event{background:var(--note)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;width:100%}
th,td{padding:.35rem .6rem;text-align:left;border-bottom:1px solid var(--edge);vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}th.n{text-align:right}
td.m{min-width:15rem;color:var(--dim)}
@media(max-width:36rem){.means thead{display:none}.means tr{display:grid;grid-template-columns:1fr auto;
border-bottom:1px solid var(--edge);padding:.35rem 0}.means td{border:0;padding:.1rem .4rem;min-width:0}
.means td:nth-child(n+3){grid-column:1/-1;color:var(--dim)}}
@media print{body{max-width:none}figure,.mos,.facts div{break-inside:avoid}}
"""

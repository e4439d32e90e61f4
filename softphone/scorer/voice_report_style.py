"""What a report on a voice looks like beyond `softphone.scorer.report_style`."""

from softphone.scorer.report_style import STYLE as COMMON

STYLE = (
    COMMON
    + """
.plot{grid-template-columns:3.1rem 1fr 2.9rem}.plot.tall{grid-template-rows:16rem 1.4rem}
.r span{right:auto;left:.4rem}.r em{left:auto;right:0;line-height:1}
.peak{stroke:var(--bad);fill:none;stroke-width:3}
.f0{stroke:#62d4ff;stroke-width:2.2}.f0.under{stroke:#06131c;stroke-width:4.4}
.formant{fill:none;stroke:#fff;stroke-width:2.4;stroke-linecap:round;vector-effect:non-scaling-stroke}
.formant.under{stroke:#10091f;stroke-width:4}
.warn{list-style:none;margin:1rem 0;padding:0;display:grid;gap:.5rem}
.warn li{background:var(--card);border:1px solid var(--edge);border-left:.35rem solid var(--q2);border-radius:.4rem;
padding:.5rem .8rem}.warn li.ok{border-left-color:var(--q5)}.warn b{margin-right:.5rem}
.task{flex:1 1 15rem;max-width:26rem}.task b{font-size:1.35rem;line-height:1.25}
.says{background:var(--card);border:1px solid var(--edge);border-left:.35rem solid var(--note);border-radius:.4rem;
padding:.6rem .8rem;margin:1rem 0}
.says b{display:block}
details{margin:.4rem 0 1rem}summary{cursor:pointer;color:var(--dim);font-size:.9rem;padding:.3rem 0}
details td,details th{padding:.2rem .6rem}
.voice{margin:0 0 1.4rem}.voice caption{text-align:left;font-weight:600;padding:.8rem .6rem .2rem}
.voice th[scope=row]{font-weight:400}
.voice td.n b{font-weight:600}.voice .u{white-space:nowrap;color:var(--dim)}
.voice small{display:block;color:var(--ink);margin-top:.15rem}.voice small::before{content:"\\2691  "}
@media(min-width:44.01rem){.voice{table-layout:fixed}.voice th:nth-child(1){width:21%}.voice th:nth-child(2){width:10%}
.voice th:nth-child(3){width:9%}.voice th:nth-child(4){width:20%}}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
dl{font-size:.9rem;margin:0}dt{font-weight:600;margin-top:.6rem}dd{margin:0;color:var(--dim);overflow-wrap:anywhere}
@media(max-width:44rem){.voice thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.voice tr{display:grid;grid-template-columns:1fr auto auto;column-gap:.3rem;border-bottom:1px solid var(--edge);padding:.4rem 0}
.voice th,.voice td{border:0;padding:.1rem .3rem;min-width:0}.voice td.norm,.voice td.m{grid-column:1/-1}
.voice td:empty{display:none}.voice caption{padding-left:.3rem}.voice .norm div::before{content:"norm: ";color:var(--dim)}
.formant{stroke-width:1.8}.formant.under{stroke-width:3}.f0{stroke-width:1.6}.f0.under{stroke-width:3.4}
.plot{grid-template-columns:2.7rem 1fr 2.6rem}.plot.tall{grid-template-rows:13rem 1.4rem}}
@media print{details:not([open]){display:none}}
"""
)

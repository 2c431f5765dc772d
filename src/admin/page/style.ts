/**
 * The page's style. Colours of text have 4.5:1 at least on what is under them, those of charts 3:1. The ramp
 * of the heat map goes in equal steps of OKLCH lightness, away from the background.
 */
export const style: string = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #fff; --text: #1b2027; --quiet: #59636e; --line: #d5dae0; --grid: #e6e9ed;
  --link: #0b5cad; --hits: #2f6fd0; --misses: #c2620f; --bad: #a40e26; --good: #116329; --warn: #7d4e00;
  --bad-back: #ffebe9; --good-back: #e6f7ea; --warn-back: #fff6d6; --bad-line: #e5534b; --good-line: #4ac26b; --warn-line: #d4a72c;
  --heat0: #1ea1ba; --heat1: #1e89b1; --heat2: #2871a3; --heat3: #305992; --heat4: #34417e; --heat5: #342b67; --heat6: #2f164f;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --card: #161b22; --text: #e6edf3; --quiet: #9198a1; --line: #30363d; --grid: #262c34;
    --link: #79b8ff; --hits: #5b9bf3; --misses: #f0a050; --bad: #ffa198; --good: #7ee787; --warn: #e3b341;
    --bad-back: #2d1618; --good-back: #12261e; --warn-back: #272115; --bad-line: #b8423c; --good-line: #2f7d45; --warn-line: #8a6a1c;
    --heat0: #755d9f; --heat1: #647ebe; --heat2: #4da0ca; --heat3: #4fbec4; --heat4: #7fd6b3; --heat5: #bee6a4; --heat6: #fdf1a6;
  }
}
dd.note, .tiles dd { overflow: visible }
* { box-sizing: border-box }
[hidden] { display: none !important }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
header, main, footer { max-width: 82rem; margin: 0 auto; padding: 0 1.25rem }
h1, h2, h3, p, ul, dl, dd, figure { margin: 0; padding: 0 }
h1 { font-size: 1.35rem; line-height: 1.3; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; line-height: 1.4; margin-bottom: .6rem }
h3 { font-size: .9rem; font-weight: 600 }
a { color: var(--link); text-underline-offset: .15em }
a:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px }
code { overflow-wrap: anywhere; font: .92em ui-monospace, 'DejaVu Sans Mono', Menlo, monospace }
.quiet, .empty, .more { color: var(--quiet) }
.line-of-its-own { display: block }
.bad { color: var(--bad) } .good { color: var(--good) } .warn { color: var(--warn) }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: 1rem }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; padding-top: 1.25rem; padding-bottom: .75rem }
header p { color: var(--quiet) }
header .updates { margin-left: auto }
button { font: inherit; font-size: .87rem; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .1rem .6rem; margin-left: .5rem; cursor: pointer }
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 23rem); gap: 1rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem 1.1rem; grid-column: 1 / -1; min-width: 0; scroll-margin-top: .5rem }
#traffic { grid-column: 1; display: flex; flex-direction: column }
.side { display: grid; gap: 1rem; align-content: start; min-width: 0 }
#figures { padding: 0; border: 0; background: none }
#verdict { border-left-width: 6px }
#verdict h2 { font-size: 1.4rem; line-height: 1.3; margin-bottom: .2rem; overflow-wrap: anywhere } #verdict h2 a { color: inherit }
#verdict .detail { overflow-wrap: anywhere }
#verdict.well { background: var(--good-back); border-color: var(--good-line) } #verdict.well h2 { color: var(--good) }
#verdict.notice { background: var(--warn-back); border-color: var(--warn-line) } #verdict.notice h2 { color: var(--warn) }
#verdict.problem { background: var(--bad-back); border-color: var(--bad-line) } #verdict.problem h2 { color: var(--bad) }
#verdict ul { list-style: none; margin-top: .75rem; display: grid; gap: .6rem }
#verdict li { display: flex; gap: .6rem; overflow-wrap: anywhere }
#verdict li div { min-width: 0 } #verdict li a { color: inherit; font-weight: 600 }
#lost { grid-column: 1 / -1; background: var(--warn-back); color: var(--warn); border: 1px solid var(--warn-line); border-radius: 10px; padding: .6rem 1.25rem }
.icon { width: 1em; height: 1em; flex: none; vertical-align: -.12em; fill: currentColor }
#verdict li > .icon { margin-top: .25em }
.icon .cut { fill: none; stroke: var(--card); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round }
.icon.well { color: var(--good) } .icon.notice { color: var(--warn) } .icon.problem { color: var(--bad) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: 1rem }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .75rem 1rem; min-width: 0 }
.tiles dt { color: var(--quiet); font-size: .87rem }
.tiles dd { font-size: 1.6rem; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums }
.tiles .note { font-size: .82rem; font-weight: 400; color: var(--quiet) }
figure + figure { margin-top: 1.1rem }
figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1rem; align-items: baseline; justify-content: space-between; margin-bottom: .35rem }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem .8rem; font-size: .8rem; color: var(--quiet); font-variant-numeric: tabular-nums }
.key { width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; vertical-align: -.05em }
.plot { display: grid; grid-template-columns: 4rem minmax(0, 1fr); gap: .5rem }
.plot svg { display: block; width: 100%; height: 100% }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; font-size: .73rem; line-height: 1; color: var(--quiet); font-variant-numeric: tabular-nums; white-space: nowrap }
.tall { height: 8rem } .low { height: 3.25rem } .heat { min-height: 17rem }
#traffic figure:has(.heat) { flex: 1; display: flex; flex-direction: column } .heat { flex: 1; max-height: 34rem }
td > div, th > div, dd { max-height: 12em; overflow: auto }
.tall path, .heat path { shape-rendering: crispEdges }
.tall .scale, .low .scale { margin: -.36rem 0 }
.heat .scale span { flex: 1; display: flex; align-items: center; justify-content: flex-end; min-height: 0 }
.times { display: flex; justify-content: space-between; margin: .25rem 0 0 4.5rem; font-size: .73rem; color: var(--quiet); font-variant-numeric: tabular-nums }
.line { stroke: var(--grid); stroke-width: 1; fill: none; vector-effect: non-scaling-stroke }
.hits { fill: var(--hits) } .misses { fill: var(--misses) } .failures { fill: var(--bad-line) }
.ratio { fill: none; stroke: var(--hits); stroke-width: 2; vector-effect: non-scaling-stroke }
.hints path { fill: transparent } .hints path:hover { fill: var(--text); fill-opacity: .12 }
${[0, 1, 2, 3, 4, 5, 6].map((i) => `.heat${i} { fill: var(--heat${i}) }`).join(' ')}
table { width: 100%; border-collapse: collapse; font-size: .9rem }
table + table, details { margin-top: 1rem }
caption { text-align: left; color: var(--quiet); font-size: .87rem; padding-bottom: .35rem }
th, td { text-align: left; vertical-align: top; padding: .35rem 1rem .35rem 0; border-top: 1px solid var(--grid); overflow-wrap: anywhere; unicode-bidi: isolate }
th:last-child, td:last-child { padding-right: 0 }
thead th { border-top: 0; color: var(--quiet); font-size: .82rem; font-weight: 500; overflow-wrap: normal }
tbody th { font-weight: 400 }
.wide { width: 100% } .word { min-width: 6.6em }
.stacks { table-layout: fixed } .stacks .wide { width: 32% } .stacks .word { width: 7.8rem } .stacks .number { width: 6.7rem } .stacks .gauge { width: 10rem }
.side th:not(:last-child), .side td:not(:last-child) { padding-right: .6rem }
.gauge { text-align: right; font-variant-numeric: tabular-nums }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
time { font-variant-numeric: tabular-nums; white-space: nowrap }
.bar { display: block; width: 100%; min-width: 2.5rem; height: 3px; margin-top: .2rem; border-radius: 2px }
.bar .all { fill: var(--grid) } .bar .part { fill: var(--hits) }
.facts { display: grid; gap: .45rem; font-size: .9rem }
.facts div { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .75rem }
.facts dt { color: var(--quiet) } .facts dd { overflow-wrap: anywhere }
.columns { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1rem 2rem; margin-top: .75rem }
summary { cursor: pointer; color: var(--link); width: fit-content }
footer { padding-top: 1rem; padding-bottom: 2rem; color: var(--quiet); font-size: .87rem }
@media (max-width: 62rem) {
  main, .columns { grid-template-columns: minmax(0, 1fr) }
  .side { display: contents } #process { order: 1 }
}
@media screen and (max-width: 58rem) {
  .stacks, .stacks tbody, .stacks caption { display: block }
  .stacks thead { position: absolute; left: -99rem }
  .stacks tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 1.5rem; border-top: 1px solid var(--line); padding: .5rem 0 }
  .stacks tr > * { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .75rem; border: 0; padding: .1rem 0; text-align: left; white-space: normal }
  .stacks tr > .wide, .stacks tr > .word, .stacks tr > .number, .stacks tr > .gauge { width: auto }
  .stacks tbody th { grid-column: 1 / -1; font-weight: 600 }
  .stacks tr > ::before { content: attr(data-label); color: var(--quiet); font-weight: 400 }
}
@media (max-width: 40rem) {
  body { font-size: 16px } header, main, footer { padding-left: .75rem; padding-right: .75rem }
  main, .tiles { gap: .6rem } section { padding: .8rem .9rem }
  header .updates { margin-left: 0 } button { margin-left: 0 } header { padding-top: .8rem }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)) } .tiles div { padding: .6rem .75rem } .tiles dd { font-size: 1.3rem }
  .plot { grid-template-columns: 3.2rem minmax(0, 1fr) } .times { margin-left: 3.7rem } .times span:nth-child(even) { display: none }
  .stacks tr { grid-template-columns: minmax(0, 1fr) }
}
@media print {
  :root { --page: #fff; color-scheme: light } body { font-size: 11px } main { display: block }
  section, figure, tr { break-inside: avoid } section { margin-bottom: .75rem }
  .updates, .skip, footer nav { display: none } svg, #verdict { print-color-adjust: exact }
}
`

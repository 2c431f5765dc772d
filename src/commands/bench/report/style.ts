/** Rules of the report's page: no image, no font, colours for light and dark, one column on a phone. */
export const style: string = `
:root { color-scheme: light dark;
  --paper: #fcfcfb; --card: #f2f3f1; --ink: #1b1e23; --soft: #5a616c; --line: #dcdfe3; --bad: #b3261e; --warn: #8a5300; --good: #1a6b3b;
  --k0: #1f5fbf; --k1: #c2410c; --k2: #0f766e; --k3: #a21caf; --k4: #6b7280; --k5: #8a6a00; --k6: #be123c; --k7: #4d7c0f; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #14161a; --card: #1d2026; --ink: #e8eaee; --soft: #a0a7b3; --line: #333841; --bad: #ff8b80; --warn: #f0b45a; --good: #7fd6a0;
  --k0: #82b4ff; --k1: #ffa571; --k2: #63d5c6; --k3: #e693f2; --k4: #b8bfcb; --k5: #eec54f; --k6: #ff93a7; --k7: #b3da6d; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 72rem; padding: 1.25rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
header { border-left: 5px solid var(--soft); padding-left: 1rem }
header.over { border-color: var(--bad) } header.failed { border-color: var(--warn) } header.within { border-color: var(--good) }
header p { margin: .4rem 0 } header .what { color: var(--soft); margin: 0 }
h1 { font-size: 1.55rem; line-height: 1.3; margin: .2rem 0 .6rem; text-wrap: balance }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .5rem } h3 { font-size: .95rem; margin: .8rem 0 .2rem; font-weight: 600 }
p { margin: .5rem 0 } .soft { color: var(--soft) }
code { font: .92em ui-monospace, monospace }
.bad { color: var(--bad) } .warn { color: var(--warn) } .good { color: var(--good) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; width: 100% }
th, td { padding: .4rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; text-align: left }
thead th { color: var(--soft); font-weight: 500; white-space: nowrap }
tbody th { font-weight: 600 }
.figures td, .figures thead th:not(:first-child) { text-align: right; overflow-wrap: normal; font-variant-numeric: tabular-nums; white-space: nowrap }
.figures th:first-child { position: sticky; left: 0; background: var(--paper); min-width: 9rem; max-width: 18rem }
.figures th:first-child { padding-left: 1.8rem } .figures .key { margin-left: -1.75rem }
.remedies ul { margin: 0; padding: 0; list-style: none } .remedies p { margin: 0 } .remedies th { min-width: 8rem } .remedies td { min-width: 14rem }
figure { margin: 0 } svg { display: block; width: 100%; height: auto } svg.narrow { display: none }
svg line { stroke: var(--line) } svg text { fill: var(--soft); font: 12px system-ui, sans-serif }
svg line.limit { stroke: var(--bad); stroke-dasharray: 4 4 } svg text.limit { fill: var(--bad) }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round } polyline.d1 { stroke-dasharray: 7 4 } polyline.d2 { stroke-dasharray: 2 4 } polyline.d3 { stroke-dasharray: 10 3 2 3 }
.legend { list-style: none; margin: .4rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem }
.key { display: inline-block; width: 1.3rem; margin-right: .45rem; vertical-align: middle; border-top: 3px solid currentColor }
.key.d1 { border-top-style: dashed } .key.d2 { border-top-style: dotted } .key.d3 { border-top-style: double }
${Array.from({ length: 8 }, (_, i) => `.key.k${i} { color: var(--k${i}) } polyline.k${i} { stroke: var(--k${i}) }`).join('\n')}
#charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .4rem 1.5rem }
#charts section { min-width: 0 }
.u-legend { font-size: .78rem; color: var(--soft) } .u-legend.u-inline tr { margin-right: .6rem } .u-legend th, .u-legend td { padding: 0 .1rem; border: 0 }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .35rem 1.2rem; margin: .5rem 0; font-size: .95rem }
dt { font-weight: 600 } dd { margin: 0 }
@media (max-width: 40rem) { h1 { font-size: 1.3rem } svg.wide { display: none } svg.narrow { display: block }
  dl { display: block } dt { margin-top: .7rem }
  .remedies thead { display: none } .remedies :is(tbody, tr, th, td) { display: block; min-width: 0; border: 0; padding: .15rem 0 }
  .remedies tr { border-bottom: 1px solid var(--line); padding: .5rem 0 }
  .figures th:first-child { min-width: 9.2rem; max-width: 9.4rem; padding: .4rem .3rem .4rem .1rem; font-size: .8rem }
  .figures .key { display: block; margin: .3rem 0 } }
@media print { body { max-width: none; font-size: 11pt } section, figure, tr { break-inside: avoid } .scroll { overflow: visible }
  table { font-size: 8pt } th, td { padding: .2rem .25rem; white-space: normal !important } .remedies td, .remedies th, .figures th:first-child { min-width: 0 } .figures th:first-child { position: static; max-width: 11rem } }
`

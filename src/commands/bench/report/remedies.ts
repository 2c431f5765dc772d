import type { Run } from '../../../load/result.ts'
import { markup, type Html } from './html.ts'
import { count, duration, percent } from './numbers.ts'
import { lostPackets } from './verdict.ts'
import { isNodeLocal, type Way, wayOf } from './ways.ts'

interface Remedy {
  readonly name: Html
  readonly does: string
  readonly costs: string
  /** What to add to the command line where no run shows it. */
  readonly wanted: string
  readonly isShownBy: (run: Run) => boolean
}

const asked =
  (way: Way) =>
  (run: Run): boolean =>
    wayOf(run) === way && !isNodeLocal(run)

const REMEDIES: readonly Remedy[] = [
  {
    name: markup`none`,
    does: 'A and AAAA leave at once from one socket: two packets of one flow race through conntrack and DNAT.',
    costs: 'Where one of them is dropped, the look-up waits for the time-out.',
    wanted: '--client glibc',
    isShownBy: asked('at-once'),
  },
  {
    name: markup`<code>single-request-reopen</code>`,
    does: 'AAAA is asked after A is answered, from a new socket. An option of resolv.conf, read by glibc alone.',
    costs: 'A second round trip and a second socket for each name.',
    wanted: '--client reopen',
    isShownBy: asked('reopen'),
  },
  {
    name: markup`<code>single-request</code>`,
    does: 'AAAA is asked after A is answered, from the same socket. An option of resolv.conf, read by glibc alone.',
    costs: 'A second round trip for each name.',
    wanted: '--client serial',
    isShownBy: asked('serial'),
  },
  {
    name: markup`<code>use-vc</code>`,
    does: 'Over TCP a lost packet is sent again by the kernel. An option of resolv.conf, read by glibc alone.',
    costs: 'A handshake for each look-up, and more work for kube-dns.',
    wanted: '--client tcp',
    isShownBy: asked('tcp'),
  },
  {
    name: markup`node-local cache`,
    does: 'Packets to it are not translated or not even tracked, and what it does not know it asks over TCP. For every program on the node.',
    costs: 'A DaemonSet; no pod has to change.',
    wanted: '--server 169.254.20.10',
    isShownBy: (run) => isNodeLocal(run) && wayOf(run) !== 'raw',
  },
]

/** What can be done about look-ups of five seconds, each with what these runs show of it. */
export function remediesTable(runs: readonly Run[]): Html {
  return markup`<div class="scroll">
    <table class="remedies">
      <thead>
        <tr>
          <th scope="col">Remedy</th>
          <th scope="col">What it does and costs</th>
          <th scope="col">Measured here</th>
        </tr>
      </thead>
      <tbody>
        ${REMEDIES.map((remedy) => remedyRow(remedy, runs))}
      </tbody>
    </table>
  </div>`
}

function remedyRow({ name, does, costs, wanted, isShownBy }: Remedy, runs: readonly Run[]): Html {
  const shown = runs.filter((run) => isShownBy(run) && run.requests > 0)
  const measured =
    shown.length === 0
      ? markup`<p class="soft">not measured: <code>${wanted}</code></p>`
      : markup`<ul>
          ${shown.map(measuredBy)}
        </ul>`
  return markup`<tr>
    <th scope="row">${name}</th>
    <td>${does} <span class="soft">${costs}</span></td>
    <td>${measured}</td>
  </tr>`
}

function measuredBy(run: Run): Html {
  const lost = lostPackets(run)
  const kind = run.overLimit > 0 ? 'bad' : run.errorCount > 0 || lost !== null ? 'warn' : 'good'
  const more = [
    // Those at the limit are said already.
    lost !== null &&
      lost.behind > run.overLimit &&
      `${count(lost.behind)} after ${duration(lost.timeoutMs)}`,
    run.errorCount > 0 && `${percent(run.errorCount, run.requests)} failed`,
    run.latency && `p50 ${duration(run.latency.p50)}`,
    run.latency && `p99 ${duration(run.latency.p99)}`,
    run.latency && `max ${duration(run.latency.max)}`,
    run.packets && `${(run.packets.sent / run.requests).toFixed(1)} messages each`,
  ].filter((text) => typeof text === 'string')
  const slow = run.overLimit === 0 ? 'none' : count(run.overLimit)
  return markup`<li>
    ${run.label}: <b class="${kind}">${slow} of ${count(run.requests)} at ${duration(run.limitMs)} or more</b>,
    ${more.join(', ')}
  </li>`
}

import { chmodSync, openSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

import { Channel } from '../../../src/host/handover/channel.ts'
import { Offer, type RunningDaemon } from '../../../src/host/handover/offer.ts'
import { handoverSocket } from '../../../src/host/handover/protocol.ts'
import type { HeldSocket } from '../../../src/lib/held-socket.ts'
import type { Log } from '../../../src/lib/log.ts'
import { type Libc, libc } from '../../../src/sys/libc.ts'
import { connectUnix } from '../../../src/sys/scm.ts'
import { bindTcp, bindUdp } from '../../../src/sys/socket.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { nullLog } from '../../helpers/null-log.ts'
import type { Owner } from '../../helpers/processes.ts'

const loaded = libc()
/** For the `skip` option of a suite. */
export const skip: string | false = loaded.libc === null ? loaded.reason : false
export const library: Libc = loaded.libc as Libc
export const uid: number = process.geteuid?.() ?? -1

/** A state directory that is safe. */
export function stateDirectory(owner: Owner): string {
  const directory = temporaryFolder(owner)
  chmodSync(directory, 0o700)
  return directory
}

/** A log whose warnings can be read. */
export function warnings(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  const log: Log = { ...nullLog, warning: (line) => void lines.push(line) }
  return { log, lines }
}

/** An IP socket that ends with its owner. */
function openSocket(owner: Owner, kind: 'udp' | 'tcp'): number {
  const at = { address: '127.0.0.1', port: 0, freeBind: false }
  const fd = kind === 'udp' ? bindUdp(library, { ...at, receiveBuffer: 1 }) : bindTcp(library, at)
  if (kind === 'tcp') library.listen(fd, 1)
  owner.after(() => void library.close(fd))
  return fd
}

/** What a daemon would hold: a UDP, a TCP and an HTTP socket and a cache of three pieces. */
class FakeDaemon implements RunningDaemon {
  readonly events: string[] = []
  readonly sockets: HeldSocket[]
  readonly #tun: number | null
  pieces: readonly Buffer[] = ['warm', 'x'.repeat(100_000), 'end'].map((text) => Buffer.from(text))

  constructor(owner: Owner, withTun: boolean) {
    this.#tun = withTun ? openSync('/dev/null', 'r') : null
    if (this.#tun !== null) owner.after(() => void library.close(this.#tun!))
    this.sockets = [
      { kind: 'udp', host: '127.0.0.1', port: 53, fd: openSocket(owner, 'udp') },
      { kind: 'tcp', host: '127.0.0.1', port: 53, fd: openSocket(owner, 'tcp') },
      { kind: 'http', host: '', port: 9253, fd: openSocket(owner, 'tcp') },
    ]
  }

  /** Whether a successor is there, as far as it was told. */
  hasSuccessor = false

  setSuccessor(isThere: boolean): void {
    this.hasSuccessor = isThere
  }

  otherVersion(): void {
    this.events.push('other version')
  }

  handedOver(): void {
    this.events.push('left')
  }

  tun(): number | null {
    return this.#tun
  }

  held(): readonly HeldSocket[] {
    return this.sockets
  }

  exportCache(): Iterable<Buffer> {
    return this.pieces
  }

  stopReading(): Promise<void> {
    this.events.push('let go')
    return Promise.resolve()
  }

  drain(): Promise<void> {
    this.events.push('retired')
    return Promise.resolve()
  }
}

interface StartedDaemon {
  readonly directory: string
  readonly daemon: FakeDaemon
  readonly offer: Offer
  readonly lines: string[]
}

/** A daemon that can be taken over; it gives a successor 150 ms for each step. */
export async function startPredecessor(
  owner: Owner,
  options: { readonly uid?: number; readonly tun?: boolean; readonly directory?: string } = {},
): Promise<StartedDaemon> {
  const directory = options.directory ?? stateDirectory(owner)
  const daemon = new FakeDaemon(owner, options.tun === true)
  const { log, lines } = warnings()
  const offer = await Offer.open({
    libc: library,
    directory,
    daemon,
    log,
    uid: options.uid ?? uid,
    patience: { step: 150, start: 300 },
  })
  owner.after(() => offer.stop())
  return { directory, daemon, offer, lines }
}

/** A hand-made successor, to misbehave with. */
export function connect(owner: Owner, directory: string): Channel {
  const channel = new Channel(library, connectUnix(library, handoverSocket(directory)), 100)
  owner.after(() => channel.close())
  return channel
}

/** Resolves once `holds`; rejects after 20 s: a busy machine takes its time. */
export async function settle(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`timed out: ${what}`)
    await delay(5)
  }
}

import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../../lib/errors.ts'
import { printableJson } from '../../lib/printable.ts'
import type { TopOptions } from '../../options/top-options.ts'
import { type AdminClient, findDaemon } from '../admin-client.ts'
import { ownTerminal, Screen } from './screen.ts'
import { between, type Sample, type Snapshot, takeSample } from './snapshot.ts'
import { drawTop, type Size } from './view.ts'

/** Of a page that no terminal bounds. */
const PLAIN: Size = { columns: 80, rows: Infinity }
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface TopParts {
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * `dnslet top`: shows what the running daemon is asked, until somebody ends it. Resolves to the exit
 * status. Rejects with DnsletError where there is no daemon to ask; one that goes away later is waited for.
 */
export async function top(options: TopOptions, { env }: TopParts): Promise<number> {
  const find = (): Promise<AdminClient> => findDaemon({ socket: options.socket, env })
  const end = new End()
  process.stdout.on('error', end.gone)
  try {
    const client = await find()
    const isLive = process.stdout.isTTY && !options.once && !options.json
    if (isLive) await showLive(options, client, find, end)
    else await print(options, client, end)
    return end.status
  } finally {
    end.forget()
  }
}

/** When to end, and with which exit status. */
class End {
  readonly #ending = new AbortController()
  status = 0
  readonly #signalled = (signal: NodeJS.Signals): void => {
    // Ctrl-C is how one leaves.
    if (signal !== 'SIGINT') this.status = 128 + constants.signals[signal]
    this.quit()
  }

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#signalled)
  }

  get isThere(): boolean {
    return this.#ending.signal.aborted
  }

  readonly quit = (): void => this.#ending.abort()

  /** Nobody reads standard output any more (EPIPE). */
  readonly gone = (): void => this.quit()

  /** Resolves after so long, or at once where the end comes. */
  async wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#ending.signal }).catch(() => {})
  }

  /** What `work` resolves to, or null where the end comes first. */
  async unless<T>(work: Promise<T>): Promise<T | null> {
    const { signal } = this.#ending
    if (signal.aborted) return null
    const ended = Promise.withResolvers<null>()
    const leave = (): void => ended.resolve(null)
    signal.addEventListener('abort', leave)
    try {
      return await Promise.race([work, ended.promise])
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  forget(): void {
    process.stdout.off('error', this.gone)
    for (const signal of SIGNALS) process.off(signal, this.#signalled)
  }
}

const now = (): number => performance.now()

/** Pages, or lines of JSON, one for each interval. */
async function print(options: TopOptions, client: AdminClient, end: End): Promise<void> {
  let before = await end.unless(takeSample(client, now))
  for (;;) {
    await end.wait(options.intervalMs)
    const sample = await end.unless(takeSample(client, now))
    if (sample === null) return
    const shown = between(before, sample)
    before = sample
    process.stdout.write(options.json ? json(shown) : `${page(shown)}\n`)
    if (options.once) return
    if (!options.json) process.stdout.write('\n')
  }
}

function json(shown: Snapshot): string {
  return printableJson(`${JSON.stringify(shown)}\n`)
}

function page(shown: Snapshot): string {
  return drawTop(shown, PLAIN, null)
    .map(({ text }) => text)
    .join('\n')
}

async function showLive(
  { intervalMs }: TopOptions,
  first: AdminClient,
  find: () => Promise<AdminClient>,
  end: End,
): Promise<void> {
  let before: Sample | null = null
  let shown: Snapshot | null = null
  let problem: string | null = null
  const draw = (): void => {
    const { columns, rows } = process.stdout
    if (shown !== null) screen.draw(drawTop(shown, { columns, rows }, problem))
  }
  const screen = new Screen(ownTerminal(), end.quit, draw)
  try {
    let client: AdminClient | null = first
    while (!end.isThere) {
      try {
        client ??= await end.unless(find())
        const sample: Sample | null = client && (await end.unless(takeSample(client, now)))
        if (sample === null) return
        shown = between(before, sample)
        before = sample
        problem = null
      } catch (error) {
        // An update puts another one in its place within seconds.
        client = null
        problem = `${reasonOf(error)} (trying again)`
      }
      draw()
      await end.wait(intervalMs)
    }
  } finally {
    screen.close()
  }
}

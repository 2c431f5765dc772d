import type { CacheFill, UpstreamState } from '../../serve/inspection.ts'
import type { BlockStatus, InterceptionStatus, LoggedLine, Status } from '../api.ts'
import { age, between, bytes, count, counted, duration, firstOf, names, time } from './format.ts'
import { stateOf } from './findings.ts'
import { markup, type Markup } from './markup.ts'
import { facts, fill, icon, section, table } from './parts.ts'

/** Rows of the longest lists: a Corefile may have a block for each of thousands of domains. */
const MOST_ROWS = 60
/** Upstreams, where fewer are in trouble. */
const MOST_WELL = 20
const MOST_LINES = 20
const MOST_PLUGINS = 40
/** Digits of a hash that tell configurations apart; a pointer over them gets all. */
const HASH_DIGITS = 16

interface Asked {
  readonly blocks: BlockStatus[]
  readonly upstream: UpstreamState
}

export function upstreamsSection({ blocks }: Status): Markup {
  const all = askedBy(blocks)
  const inTrouble = all.filter(({ upstream }) => upstream.problem !== null)
  const others = all.filter(({ upstream }) => upstream.problem === null)
  return section(
    'upstreams',
    'Upstreams',
    table<Asked>({
      caption: 'Servers that are asked for what the cache does not have, those in trouble first',
      rows: [...inTrouble, ...others],
      most: Math.min(MOST_ROWS, Math.max(MOST_WELL, inTrouble.length)),
      empty: 'No block asks an upstream.',
      stacks: true,
      columns: [
        {
          title: 'Upstream',
          cell: ({ upstream }) => markup`<code>${upstream.address}</code> ${upstream.transport}`,
        },
        { title: 'For', cell: (asked) => keysOf(asked.blocks) },
        { title: 'State', cell: ({ upstream }) => healthOf(upstream) },
        {
          title: 'Round trip',
          kind: 'number',
          cell: ({ upstream: { rttMs } }) => (rttMs === null ? '–' : duration(rttMs)),
        },
        { title: 'Waiting', kind: 'number', cell: ({ upstream }) => count(upstream.inFlight) },
        {
          title: 'Connections',
          kind: 'number',
          cell: ({ upstream }) => count(upstream.connections),
        },
        { title: 'Answers', kind: 'number', cell: ({ upstream }) => count(upstream.answers) },
        { title: 'Failures', kind: 'number', cell: ({ upstream }) => count(upstream.failures) },
        {
          title: 'Last failure',
          cell: ({ upstream: { lastFailure } }) =>
            lastFailure === null
              ? 'none'
              : markup`${lastFailure.what}, <span class="quiet">${age(lastFailure.agoMs)} ago</span>`,
        },
      ],
    }),
  )
}

/** Upstreams with who asks them: blocks that share one, connections and figures, are told together. */
function askedBy(blocks: readonly BlockStatus[]): Asked[] {
  const all = new Map<string, Asked>()
  for (const block of blocks)
    for (const upstream of block.upstreams) {
      const { address, transport, connections, inFlight, answers, failures, problem } = upstream
      const figures = [address, transport, connections, inFlight, answers, failures, problem]
      const key = figures.join(' ')
      const known = all.get(key)
      if (known === undefined) all.set(key, { blocks: [block], upstream })
      else known.blocks.push(block)
    }
  return [...all.values()]
}

function healthOf({ problem, answers }: UpstreamState): Markup {
  if (problem !== null) return markup`<span class="bad">${icon('problem')} ${problem}</span>`
  return answers > 0
    ? markup`<span class="good">${icon('well')} answers</span>`
    : markup`not asked yet`
}

/** The keys of a block, and its view. */
function nameOf({ keys, view }: BlockStatus): string {
  return inView(names(keys, 4) || 'a block without a name', view)
}

function inView(text: string, view: string): string {
  return view === '' ? text : `${text} (view ${view})`
}

/** Those of several blocks, in one list. */
function keysOf(blocks: readonly BlockStatus[]): string {
  const [first, ...others] = blocks
  if (first !== undefined && others.length === 0) return nameOf(first)
  return names(
    blocks.flatMap(({ keys, view }) => keys.map((key) => inView(key, view))),
    4,
  )
}

const STATES: Readonly<
  Record<InterceptionStatus['state'], readonly ['well' | 'notice' | 'problem', string]>
> = {
  none: ['well', 'Not used: the flags leave the node’s network alone'],
  waiting: ['notice', 'Waiting: queries go to kube-dns'],
  active: ['well', 'Active: queries are led here'],
  suspended: ['problem', 'Suspended: queries go to kube-dns'],
  withdrawn: ['notice', 'Withdrawn: queries go to kube-dns'],
  left: ['notice', 'Left to another dnslet'],
}

export function interceptionSection(status: Status): Markup {
  const { interception, notReady } = status
  const { interface: kind, rules, addresses, reason } = interception
  const state = stateOf(status)
  const [sign, text] = STATES[state]
  const led = state !== 'none'
  return section(
    'interception',
    'Interception',
    facts([
      ['State', markup`${icon(sign)} ${text}`],
      ['Reason', led ? reason : null],
      ['Addresses', led || addresses.length > 0 ? list(addresses) : null],
      ['Interface', led ? markup`<code>${kind || 'none'}</code>` : null],
      ['Rules', led ? markup`<code>${rules || 'none'}</code>` : null],
      ['Ready', notReady.length === 0 ? 'yes' : `no: ${notReady.join('; ')}`],
    ]),
  )
}

function list(texts: readonly string[], most = 12): Markup {
  if (texts.length === 0) return markup`none`
  const more = texts.length - most
  return markup`${texts.slice(0, most).map((text, i) => markup`${i > 0 ? ', ' : null}<code>${text}</code>`)}${more > 0 ? ` and ${count(more)} more` : null}`
}

export function blocksSection({ blocks }: Status): Markup {
  return section(
    'blocks',
    'Blocks and caches',
    table<BlockStatus>({
      caption: `${counted(blocks.length, 'server block', 'server blocks')} of the Corefile. A full cache forgets what was not asked for longest; expired answers count until then.`,
      rows: blocks,
      most: MOST_ROWS,
      empty: 'No block.',
      stacks: true,
      columns: [
        { title: 'Block', cell: (block) => nameOf(block) },
        {
          title: 'Plugins',
          kind: 'wide',
          cell: ({ plugins }) => chain(plugins.map(({ name }) => name)),
        },
        { title: 'Answers kept', kind: 'gauge', cell: ({ cache }) => filled(cache, 'success') },
        { title: 'Denials kept', kind: 'gauge', cell: ({ cache }) => filled(cache, 'denial') },
        {
          title: 'Size',
          kind: 'number',
          cell: ({ cache }) => (cache === null ? '–' : bytes(cache.bytes)),
        },
      ],
    }),
  )
}

/** The plugins in the order in which a query comes to them. */
function chain(plugins: readonly string[]): string {
  const { shown, more } = firstOf(plugins, MOST_PLUGINS)
  return [...shown, ...(more > 0 ? [`${count(more)} more`] : [])].join(' → ')
}

function filled(cache: CacheFill | null, store: 'success' | 'denial'): Markup | string {
  return cache === null ? 'no cache' : fill(cache[store].entries, cache[store].capacity)
}

export function logSection({ errors, now }: Status): Markup {
  return section(
    'log',
    'Log',
    table<LoggedLine>({
      caption: 'Warnings and errors, the last one of each kind, the newest first',
      rows: errors,
      most: MOST_LINES,
      empty: 'No warning and no error since the start.',
      stacks: true,
      columns: [
        {
          title: 'Time',
          kind: 'word',
          cell: ({ at }) =>
            markup`${time(at, now)} <span class="quiet line-of-its-own">${age(between(at, now))} ago</span>`,
        },
        {
          title: 'Level',
          kind: 'word',
          cell: ({ level }) =>
            level === 'warning'
              ? markup`<span class="warn">${icon('notice')} warning</span>`
              : markup`<span class="bad">${icon('problem')} ${level}</span>`,
        },
        {
          title: 'Message',
          cell: ({ count: lines, first, text }) =>
            lines === 1
              ? text
              : markup`${text} <span class="quiet line-of-its-own">${count(lines)} such lines since ${time(first, now)}</span>`,
        },
      ],
    }),
  )
}

export function processSection(status: Status): Markup {
  const { corefile, memory, listeners } = status
  return section(
    'process',
    'Process',
    facts([
      ['Version', status.version],

      ['Process', `pid ${status.pid}, up ${age(between(status.startedAt, status.now))}`],
      [
        'Listens on',
        list(
          listeners.map(({ address, scheme }) =>
            scheme === 'dns' ? address : `${scheme}://${address}`,
          ),
        ),
      ],
      ['Corefile', markup`<code>${corefile.path ?? 'standard input'}</code>`],
      [
        'Its hash',
        markup`<code title="${corefile.hash}">${corefile.hash.slice(0, HASH_DIGITS)}</code>`,
      ],
      [
        'Loaded',
        markup`${time(corefile.loadedAt, status.now)}, ${age(between(corefile.loadedAt, status.now))} ago`,
      ],
      [
        'In use',
        corefile.isLastGood || corefile.refused !== null
          ? markup`<span class="bad">${icon('problem')} the last good one: the configured one cannot be served</span>`
          : 'the configured one',
      ],
      [
        'Memory',
        `${bytes(memory.rssBytes)} in all, ${bytes(memory.heapUsedBytes)} heap in use, ${bytes(memory.cacheBytes)} of ${bytes(memory.cacheLimitBytes)} cache`,
      ],
    ]),
  )
}

// Documentation is executed: Corefiles boot, links lead somewhere, flags and metrics exist.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

import { usage as benchUsage } from '../bench/options.ts'
import { check } from '../src/commands/check.ts'
import '../src/node/serve.ts'
import { showCacheBudget } from '../src/daemon/cache-budget.ts'
import { CorefileSource } from '../src/source/corefile-source.ts'
import { Daemon } from '../src/daemon/daemon.ts'
import { flagNames } from '../src/options/flags.ts'
import { showKeptQueries } from '../src/daemon/kept-queries.ts'
import { LoopLag, loopLagMetric } from '../src/daemon/loop-lag.ts'
import { checkListeners } from '../src/daemon/self-check.ts'
import { ByteBudget } from '../src/lib/byte-budget.ts'
import { Clock } from '../src/lib/clock.ts'
import { NetCounters } from '../src/net/counters.ts'
import { type Listener, Listeners } from '../src/net/listeners.ts'
import { netMetrics } from '../src/net/metrics.ts'
import { receiveQueueMetrics } from '../src/net/receive-queues.ts'
import { dgramBackend } from '../src/net/udp-dgram.ts'
import { knownDirectives, plugins } from '../src/plugins/index.ts'
import { registeredMetrics } from '../src/telemetry/metrics.ts'
import { temporaryFolder } from './helpers/nsd.ts'
import { plainHttp } from './helpers/http.ts'
import { nullLog } from './helpers/null-log.ts'

process.chdir(join(import.meta.dirname, '..'))
const pages = globSync('{*.md,src/**/*.md,deploy/**/*.md}').toSorted()
const pluginPages = plugins.map(({ name }) => `src/plugins/${name}/README.md`)

/** What Corefile.example takes from the environment. */
const env = {
  LOCAL_DNS: '127.0.0.1',
  CLUSTER_DNS: '127.0.0.1:9',
  UPSTREAM_DNS: '127.0.0.1:9',
  METRICS_ADDRESS: '127.0.0.1:9253',
  HEALTH_ADDRESS: '127.0.0.1:8080',
}
Object.assign(process.env, env)

function read(page: string): string {
  return existsSync(page) ? readFileSync(page, 'utf8') : assert.fail(`${page} is missing`)
}

/** The fenced blocks of a page in this language, with the line of each. */
function fenced(page: string, language: string): { line: number; text: string }[] {
  const text = read(page)
  return [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)]
    .filter(([, info]) => info === language)
    .map((match) => ({
      line: text.slice(0, match.index).split('\n').length + 1,
      text: match[2] ?? '',
    }))
}

/** Listens on a port of 127.0.0.1 that the kernel chooses, whatever is asked for. */
class AnyPort extends Listeners {
  override open(): Promise<Listener> {
    return super.open('127.0.0.1', 0)
  }
}

/**
 * The same Corefile with HTTP on ports the kernel chooses, nobody asked beyond this machine, and an end
 * without delay.
 */
function kept(corefile: string): string {
  return corefile
    .replaceAll(/^\s*lameduck .*\n/gm, '')
    .replaceAll(/^(\s*(?:health|ready|prometheus))\b(?:[ \t]+(?!\{\s)\S+)?/gm, '$1 127.0.0.1:0')
    .replaceAll(/^(\s*forward\s+\S+\s+)([^{\n]+)/gm, (_line, start: string, to: string) => {
      const upstreams = to.trim().split(/\s+/)
      return `${start}${upstreams.map((_, i) => `127.0.0.1:${9 + i}`).join(' ')} `
    })
}

/** Starts the daemon with a Corefile, asks all its listeners, and ends it. */
async function boot(file: string): Promise<void> {
  const clock = new Clock()
  const counters = new NetCounters()
  const udp = dgramBackend('a test')
  const daemon = await Daemon.start({
    source: new CorefileSource(file, { directives: knownDirectives, env, warn: assert.fail }),
    port: 53,
    clock,
    log: nullLog,
    cacheBudget: new ByteBudget(2 ** 20),
    http: plainHttp,
    listeners: new AnyPort({ clock, log: nullLog, udp, counters }),
    fatal: assert.fail,
  })
  try {
    assert.equal(await checkListeners(daemon.addresses), null)
  } finally {
    await daemon.shutdown()
  }
}

describe('every Corefile in the documentation is valid and boots', () => {
  const corefiles = ['README.md', ...pluginPages].flatMap((page) => {
    const blocks = existsSync(page) ? fenced(page, 'corefile') : []
    return blocks.map(({ line, text }) => ({ name: `${page}:${line}`, text }))
  })
  corefiles.push({ name: 'Corefile.example', text: read('Corefile.example') })

  test('there is at least one on each page', () => {
    for (const page of ['README.md', ...pluginPages]) {
      assert.ok(fenced(page, 'corefile').length > 0, `${page} has no corefile block`)
    }
  })

  for (const { name, text } of corefiles) {
    test(name, async (t) => {
      const folder = temporaryFolder(t)
      const resolvConf = join(folder, 'resolv.conf')
      writeFileSync(resolvConf, 'nameserver 127.0.0.1\n')
      const file = join(folder, 'Corefile')
      writeFileSync(file, text.replaceAll('/etc/resolv.conf', resolvConf))
      assert.match(check(file, 53), /is valid: \d+ server block/)
      writeFileSync(file, kept(text))
      await boot(file)
    })
  }
})

describe('links', () => {
  for (const page of pages) {
    test(`of ${page} lead to files and headings that exist`, () => {
      for (const [, path = '', anchor] of read(page).matchAll(
        /\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)/g,
      )) {
        const target = path === '' ? page : join(dirname(page), path)
        assert.ok(existsSync(target), `${page} links to ${path}`)
        if (anchor === undefined) continue
        const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
          text
            .toLowerCase()
            .replaceAll(/[^\w\s-]/g, '')
            .replaceAll(' ', '-'),
        )
        assert.ok(headings.includes(anchor), `${page} links to ${path}#${anchor}`)
      }
    })
  }

  test('the README leads to every plugin', () => {
    for (const page of pluginPages) assert.ok(read('README.md').includes(`(${page})`), page)
  })
})

describe('flags', () => {
  const text = read('README.md')
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
  const commands = fenced('README.md', 'sh').flatMap((block) => block.text.split('\n'))
  const ours = [...spans.filter((span) => span.startsWith('-')), ...commands, ...spans].filter(
    (line) => /^-|\bbin\/dnslet\b|^dnslet\b|npm (start|run bench)/.test(line.trim()),
  )
  const mentioned = new Set(
    ours.flatMap((line) =>
      [...line.matchAll(/(?<=^|\s)--?([a-z][\w.-]*)/g)].map(([, name = '']) => name),
    ),
  )

  test('that the README mentions exist', () => {
    assert.ok(mentioned.size > 0)
    const benchFlags = [...benchUsage.matchAll(/--([a-z-]+)/g)].map(([, name = '']) => name)
    /** `kubelet --cluster-dns` belongs to another program. */
    const known = new Set([...flagNames, ...benchFlags, 'cluster-dns'])
    assert.deepEqual(
      [...mentioned].filter((name) => !known.has(name)),
      [],
    )
  })

  test('that exist are in the README', () => {
    assert.deepEqual(
      flagNames.filter((name) => !mentioned.has(name)),
      [],
    )
  })
})

describe('metrics', () => {
  showCacheBudget(new ByteBudget(1))
  showKeptQueries(nullLog)
  const registered = [
    ...registeredMetrics(),
    ...netMetrics(new NetCounters()),
    ...receiveQueueMetrics(() => []),
    loopLagMetric(new LoopLag({ clock: new Clock(), log: nullLog })),
  ]
  const names = new Set(registered.map(({ name }) => name))
  const mentionedBy = (page: string): string[] =>
    [...read(page).matchAll(/\b(?:coredns|dnslet|process|promhttp)_[a-z0-9_]*[a-z0-9]\b/g)].map(
      ([name]) => name,
    )

  for (const page of pages) {
    test(`that ${page} mentions are registered`, () => {
      const unknown = mentionedBy(page).filter(
        (name) => !names.has(name) && !names.has(name.replace(/_(bucket|sum|count)$/, '')),
      )
      assert.deepEqual(unknown, [])
    })
  }

  test('of our own are all explained somewhere', () => {
    const mentioned = new Set(pages.flatMap(mentionedBy))
    const own = [...names].filter((name) => name.startsWith('dnslet_'))
    assert.ok(own.length > 0)
    assert.deepEqual(
      own.filter((name) => !mentioned.has(name)),
      [],
    )
  })
})

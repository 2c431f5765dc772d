// Documents are executed: Corefiles boot, links lead somewhere, flags, metrics and log lines exist, and
// what exists is documented.
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { usage as benchUsage } from '../bench/options.ts'
import { check } from '../src/commands/check.ts'
import { Daemon } from '../src/daemon/daemon.ts'
import { checkListeners } from '../src/daemon/status-probe.ts'
import { ByteBudget } from '../src/lib/byte-budget.ts'
import { Clock } from '../src/lib/clock.ts'
import { NetCounters } from '../src/net/counters.ts'
import { Listeners } from '../src/net/listeners.ts'
import type { Listener } from '../src/net/open-listener.ts'
import { dgramBackend } from '../src/net/udp-dgram.ts'
import { flagNames } from '../src/options/flags.ts'
import { parseArgs } from '../src/options/options.ts'
import { knownDirectives, plugins } from '../src/plugins/index.ts'
import { LatePlugin } from '../src/plugins/later.ts'
import { CorefileSource } from '../src/source/corefile-source.ts'
import { makeCertificates } from './helpers/certificates.ts'
import { plainHttp } from './helpers/http.ts'
import { allMetrics } from './helpers/metrics.ts'
import { temporaryFolder } from './helpers/nsd.ts'
import { nullLog } from './helpers/null-log.ts'
import type { Owner } from './helpers/processes.ts'

process.chdir(join(import.meta.dirname, '..'))
const pages = globSync('{*.md,{bench,deploy,docs,src,test}/**/*.md}').toSorted()
/** A page for each concept. */
const concepts = [
  'admin',
  'bench',
  'configuration',
  'differences',
  'doctor',
  'five-seconds',
  'limits',
  'metrics',
  'migration',
  'node',
  'performance',
  'runbook',
  'security',
  'sizing',
  'status-page',
].map((concept) => `docs/${concept}.md`)
const documents = ['README.md', ...concepts]
// Those that come late count nothing before.
for (const plugin of plugins) if (plugin instanceof LatePlugin) await plugin.load()
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

/** What a page has in backticks. */
function spansOf(page: string): string[] {
  return [...read(page).matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
}

/** Listens on a port of 127.0.0.1 that the kernel chooses, whatever is asked for. */
class AnyPort extends Listeners {
  override open(): Promise<Listener> {
    return super.open('127.0.0.1', 0)
  }

  override openStream(
    ...[kind, , , ...behind]: Parameters<Listeners['openStream']>
  ): Promise<Listener> {
    return super.openStream(kind, '127.0.0.1', 0, ...behind)
  }
}

/**
 * The same Corefile with HTTP on ports the kernel chooses, nobody asked beyond this machine, and an end
 * without delay.
 */
function kept(corefile: string): string {
  return corefile
    .replaceAll(/^\s*lameduck .*\n/gm, '')
    .replaceAll(
      /^(\s*(?:health|pprof|ready|prometheus))\b(?:[ \t]+(?!\{\s)\S+)?/gm,
      '$1 127.0.0.1:0',
    )
    .replaceAll(/^(\s*forward\s+\S+\s+)([^{\n]+)/gm, (_line, start: string, to: string) => {
      const upstreams = to.trim().split(/\s+/)
      return `${start}${upstreams.map((_, i) => `127.0.0.1:${9 + i}`).join(' ')} `
    })
}

/** A folder with a certificate as cert-manager mounts it; needs openssl. */
function certificatesIn(owner: Owner): string {
  const { folder, ca, cert, key } = makeCertificates(owner)
  for (const [from, to] of [
    [ca, 'ca.crt'],
    [cert, 'tls.crt'],
    [key, 'tls.key'],
  ] as const) {
    copyFileSync(from, join(folder, to))
  }
  return `${folder}/`
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
    memory: new ByteBudget(2 ** 20),
    http: plainHttp,
    listeners: new AnyPort({ clock, log: nullLog, udp, counters }),
    fatal: assert.fail,
  })
  try {
    assert.equal(await checkListeners(daemon.addresses), null)
  } finally {
    await daemon.stop()
  }
}

describe('every Corefile in the documentation is valid and boots', () => {
  const corefiles = [...documents, ...pluginPages].flatMap((page) => {
    const blocks = existsSync(page) ? fenced(page, 'corefile') : []
    return blocks.map(({ line, text }) => ({ name: `${page}:${line}`, text }))
  })
  corefiles.push({ name: 'Corefile.example', text: read('Corefile.example') })

  test('there is at least one on each page', () => {
    for (const page of ['README.md', 'docs/configuration.md', ...pluginPages]) {
      assert.ok(fenced(page, 'corefile').length > 0, `${page} has no corefile block`)
    }
  })

  for (const { name, text } of corefiles) {
    test(name, async (t) => {
      const folder = temporaryFolder(t)
      const resolvConf = join(folder, 'resolv.conf')
      writeFileSync(resolvConf, 'nameserver 127.0.0.1\n')
      const file = join(folder, 'Corefile')
      const tls = text.includes('/etc/dnslet/tls/') ? certificatesIn(t) : ''
      const moved = text
        .replaceAll('/etc/resolv.conf', resolvConf)
        .replaceAll('/etc/dnslet/tls/', tls)
      writeFileSync(file, moved)
      assert.match(await check(file, 53), /is valid: \d+ server block/)
      writeFileSync(file, kept(moved))
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

  test('of the README lead to every concept, and of the configuration to every plugin', () => {
    for (const page of concepts) assert.ok(read('README.md').includes(`(${page})`), page)
    const configuration = read('docs/configuration.md')
    for (const page of pluginPages) assert.ok(configuration.includes(`(../${page})`), page)
  })
})

describe('form', () => {
  test('the README is short', () => {
    assert.ok(statSync('README.md').size <= 14 * 1024)
  })

  test('docs has these pages and no others, each says first for whom it is', () => {
    assert.deepEqual(
      globSync('docs/**')
        .filter((path) => statSync(path).isFile())
        .toSorted(),
      concepts,
    )
    for (const page of concepts) assert.match(read(page), /^# .+\n\nFor who/, page)
  })

  test('no line of text is longer than a screen is wide', () => {
    const ofDevelopers = ['CHANGELOG.md', 'CONTRIBUTING.md', 'src/README.md']
    const long = [...documents, ...pluginPages, ...ofDevelopers].flatMap((page) =>
      read(page)
        .replaceAll(/^```[^]*?^```$/gm, '')
        .split('\n')
        .filter((line) => line.length > 150),
    )
    assert.deepEqual(long, [])
  })
})

describe('flags', () => {
  const spans = documents.flatMap(spansOf)
  const commands = documents
    .flatMap((page) => fenced(page, 'sh'))
    .flatMap((block) => block.text.split('\n'))
  const ours = [...spans.filter((span) => span.startsWith('-')), ...commands, ...spans].filter(
    (line) => /^-|\bbin\/dnslet\b|^dnslet\b|npm (start|run bench)/.test(line.trim()),
  )
  const flagsIn = (line: string): string[] =>
    [...line.matchAll(/(?<=^|\s)--?([a-z][\w.-]*)/g)].map(([, name = '']) => name)
  const mentioned = new Set(ours.flatMap(flagsIn))

  test('that documents mention exist', () => {
    assert.ok(mentioned.size > 0)
    const benchFlags = [...benchUsage.matchAll(/--([a-z-]+)/g)].map(([, name = '']) => name)
    /** Those of commands that have flags of their own. */
    const commandFlags = ['bench', 'doctor', 'explain', 'top'].flatMap((command) => {
      const told = parseArgs([command, '-h'])
      assert.ok(told.kind === 'help')
      return [...told.text.matchAll(/(?<=\s)--?([a-z-]+)/g)].map(([, name = '']) => name)
    })
    /** `kubelet --cluster-dns` belongs to another program. */
    const known = new Set([...flagNames, ...benchFlags, ...commandFlags, 'cluster-dns'])
    assert.deepEqual(
      [...mentioned].filter((name) => !known.has(name)),
      [],
    )
  })

  test('that exist are in the configuration', () => {
    const explained = new Set(spansOf('docs/configuration.md').flatMap(flagsIn))
    assert.deepEqual(
      flagNames.filter((name) => !explained.has(name)),
      [],
    )
  })
})

test('variables of the environment are in the configuration, and no others', () => {
  const variables = (text: string): string[] =>
    [...new Set(text.match(/\bDNSLET_[A-Z_]+/g))].filter((name) => name !== forTests).toSorted()
  /** A folder in place of /sys/fs/cgroup. */
  const forTests = 'DNSLET_CGROUP'
  const program = ['bin/dnslet', ...globSync('src/**/*.ts')].map(read).join('\n')
  assert.deepEqual(variables(read('docs/configuration.md')), variables(program))
})

describe('metrics', () => {
  const names = new Set(allMetrics().map(({ name }) => name))
  const mentionedBy = (page: string): string[] =>
    [
      ...read(page).matchAll(/\b(?:coredns|dnslet|nodejs|process|promhttp)_[a-z0-9_]*[a-z0-9]\b/g),
    ].map(([name]) => name)

  // The toy is a plugin in its own test alone.
  for (const page of pages.filter((name) => !name.startsWith('test/plugins/toy/'))) {
    test(`that ${page} mentions are registered`, () => {
      const unknown = mentionedBy(page).filter(
        (name) => !names.has(name) && !names.has(name.replace(/_(bucket|sum|count)$/, '')),
      )
      assert.deepEqual(unknown, [])
    })
  }

  test('are all explained, by their plugin or in docs/metrics.md', () => {
    const explained = new Set(['docs/metrics.md', ...pluginPages].flatMap(mentionedBy))
    assert.ok(names.size > 0)
    assert.deepEqual(
      [...names].filter((name) => !explained.has(name)),
      [],
    )
  })
})

test('log lines in docs/metrics.md are those of the sources', () => {
  const sources = globSync('src/**/*.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
    // Texts of several lines.
    .replaceAll(/['"`] \+\s+['"`]/g, '')
  const logs = read('docs/metrics.md').split('\n## Logs\n')[1] ?? assert.fail('no section on logs')
  const lines = [...logs.matchAll(/^\| (`.*?) +\| /gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, line = '']) => line),
  )
  assert.ok(lines.length > 0)
  for (const line of lines) {
    for (const part of line.split('…')) assert.ok(sources.includes(part), line)
  }
})

// The import law of src/README.md, read from the import statements themselves.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { describe, test } from 'node:test'

const root = join(import.meta.dirname, '..')

/** What each layer may import beside itself. */
const law: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  wire: [],
  corefile: ['lib'],
  sys: ['lib'],
  telemetry: ['lib'],
  serve: ['wire', 'lib', 'corefile'],
  net: ['serve', 'wire', 'sys', 'lib'],
  upstream: ['wire', 'sys', 'lib'],
  plugin: ['serve', 'wire', 'corefile', 'upstream', 'telemetry', 'lib'],
  plugins: ['plugin', 'serve', 'corefile', 'lib'],
  host: ['sys', 'wire', 'telemetry', 'lib', 'corefile'],
  options: ['corefile', 'telemetry', 'lib'],
  source: 'options plugins host corefile serve telemetry lib'.split(' '),
  daemon: 'source options plugins plugin net upstream serve wire corefile sys telemetry lib'.split(
    ' ',
  ),
  admin: 'daemon source options plugins host upstream serve wire corefile sys telemetry lib'.split(
    ' ',
  ),
  node: 'admin daemon source options plugins host upstream corefile sys telemetry lib'.split(' '),
  load: ['wire', 'sys', 'lib'],
  commands:
    'load admin node daemon source options plugins plugin host upstream serve wire corefile telemetry lib'.split(
      ' ',
    ),
  main: ['commands', 'node', 'options', 'plugins', 'telemetry', 'lib'],
}

/** The files, or the folder, through which each package comes in. */
const doors: Readonly<Record<string, readonly string[]>> = {
  dns2: ['src/commands/demo/'],
  koffi: ['src/sys/libc.ts'],
  re2js: ['src/corefile/regex.ts'],
  'lru-cache': ['src/plugins/cache/popular.ts'],
  pino: ['src/telemetry/log.ts'],
  'prom-client': ['src/telemetry/metrics.ts'],
  uplot: ['src/commands/bench/report/assets.ts'],
  yargs: ['src/options/usage-text.ts'],
  'yargs-parser': ['src/options/options.ts', 'src/options/command-flags.ts'],
}

/** Modules of Node.js that only some places have a use for. */
const builtins: Readonly<Record<string, readonly string[]>> = {
  // The others import types: all get the module from process.getBuiltinModule().
  'node:http': [
    'src/telemetry/http.ts',
    'src/telemetry/http-node.ts',
    'src/telemetry/http-server.ts',
    'src/telemetry/http-unix.ts',
    'src/net/http1.ts',
    'src/commands/untaint/kubernetes-api.ts',
  ],
  'node:dgram': ['src/net/', 'src/upstream/', 'src/commands/demo/', 'src/load/'],
  'node:child_process': ['src/host/'],
  'node:cluster': [],
  // The second gets the module likewise, where an upstream is asked over HTTPS.
  'node:http2': ['src/net/https-connection.ts', 'src/upstream/http2.ts'],
  'node:https': [],
  'node:worker_threads': [],
}

const MAX_LINES = 300
/** A machine is easier to follow in one file, and a drawing of its states is worth the lines. */
const MAX_LINES_WITH_STATES = 320
const MEDIAN_LINES = 120

type Sources = ReadonlyMap<string, string>

interface Import {
  readonly line: number
  readonly text: string
  readonly specifier: string
  /** The file meant, from the project's root; null for a package or a module of Node.js. */
  readonly target: string | null
}

const statement =
  /^[ \t]*(?:import|export)\b[^'"`;()]*?\bfrom\s*['"](?<from>[^'"]+)['"]|^[ \t]*import\s*['"](?<bare>[^'"]+)['"]|\b(?:import|require|require\.resolve|createRequire\([^)]*\))\(\s*['"](?<call>[^'"]+)['"]/gm

/** Static, type and dynamic imports, and `require`. */
function importsOf(file: string, source: string): Import[] {
  return [...source.matchAll(statement)].map(({ 0: text, index, groups = {} }) => {
    const specifier = groups['from'] ?? groups['bare'] ?? groups['call'] ?? ''
    const isRelative = specifier.startsWith('.')
    return {
      line: source.slice(0, index + text.search(/\S/)).split('\n').length,
      text: text.trim().replaceAll(/\s+/g, ' '),
      specifier,
      target: isRelative ? posix.join(dirname(file), specifier) : null,
    }
  })
}

/** `wire` for src/wire/name.ts, `plugin` for src/plugins/cache/index.ts, `plugins` for their list. */
function layerOf(file: string): string {
  const [, layer = '', ...rest] = file.split('/')
  if (rest.length === 0) return layer.replace(/\.ts$/, '')
  return layer === 'plugins' && rest.length > 1 ? 'plugin' : layer
}

function pluginOf(file: string): string | null {
  return /^src\/plugins\/([^/]+)\//.exec(file)?.[1] ?? null
}

function importProblem(
  file: string,
  { specifier, target }: Import,
  sources: Sources,
): string | null {
  if (target === null) return packageProblem(file, specifier)
  if (!target.startsWith('src/')) return 'leaves src'
  if (!sources.has(target)) return 'names no file'
  const [from, to] = [layerOf(file), layerOf(target)]
  const [plugin, other] = [pluginOf(file), pluginOf(target)]
  if (plugin !== null && other !== null && plugin !== other) return 'a plugin imports a plugin'
  if (from === to) return null
  const allowed = law[from]
  if (allowed === undefined) return `"${from}" is no layer`
  return allowed.includes(to) ? null : `${from} may not import ${to}`
}

function packageProblem(file: string, specifier: string): string | null {
  const name = specifier.startsWith('node:') ? specifier : specifier.split('/')[0]!
  if (name.startsWith('node:')) {
    const places = builtins[name]
    if (places === undefined || isIn(file, places)) return null
    return `${name} belongs to ${places.join(', ') || 'nobody'}`
  }
  const places = doors[name]
  if (places === undefined) return `${name} has no door`
  return isIn(file, places) ? null : `the door of ${name} is ${places.join(', ')}`
}

function isIn(file: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith('/') ? file.startsWith(place) : file === place))
}

function importProblems(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) =>
    importsOf(file, source).flatMap((found) => {
      const problem = importProblem(file, found, sources)
      return problem === null ? [] : [`${file}:${found.line}: ${problem}: ${found.text}`]
    }),
  )
}

/** Each cycle of files once, as `a.ts → b.ts → a.ts`. */
function cycles(sources: Sources): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start >= 0) found.push([...path.slice(start), file].join(' → '))
    if (start >= 0 || done.has(file)) return
    for (const { target } of importsOf(file, sources.get(file) ?? '')) {
      if (target !== null) visit(target, [...path, file])
    }
    done.add(file)
  }
  for (const file of sources.keys()) visit(file, [])
  return found
}

/** Whether one comment draws, with arrows, every state that `type State` names. */
function drawsStates(source: string): boolean {
  const names = /^type State = (.+)$/m.exec(source)?.[1]?.match(/\w+/g) ?? []
  const comments = source.match(/\/\*\*[^]*?\*\//g) ?? []
  const isDrawn = (text: string): boolean =>
    text.includes('─▶') && names.every((name) => new RegExp(`\\b${name}\\b`).test(text))
  return names.length > 0 && comments.some(isDrawn)
}

function formProblems(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const lines = source.split('\n').length - 1
    const problems = []
    const max = drawsStates(source) ? MAX_LINES_WITH_STATES : MAX_LINES
    if (lines > max) problems.push(`${file}: ${lines} lines, ${max} are allowed`)
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(basename(file))) {
      problems.push(`${file}: the name is not kebab-case`)
    }
    return problems
  })
}

/** Lines outside comments that match. */
function linesWith(sources: Sources, pattern: RegExp): string[] {
  return [...sources].flatMap(([file, source]) =>
    source.split('\n').flatMap((text, i) => {
      const isComment = /^\s*(\/\/|\/?\*)/.test(text)
      return !isComment && pattern.test(text) ? [`${file}:${i + 1}: ${text.trim()}`] : []
    }),
  )
}

function read(pattern: string): Sources {
  const files = globSync(pattern, { cwd: root }).toSorted()
  assert.ok(files.length > 0, `no file matches ${pattern}`)
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
}

describe('the sources', () => {
  const sources = read('src/**/*.ts')

  test('every import keeps to the import law and the doors', () => {
    assert.deepEqual(importProblems(sources), [])
  })

  test('no import goes in a circle', () => {
    assert.deepEqual(cycles(sources), [])
  })

  test('every package has a door, and every dependency is used', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    assert.deepEqual(Object.keys(doors).toSorted(), Object.keys(dependencies).toSorted())
    const used = [...sources].flatMap(([file, source]) =>
      importsOf(file, source).map(({ specifier }) => specifier.split('/')[0]!),
    )
    for (const name of Object.keys(doors)) assert.ok(used.includes(name), `${name} is not imported`)
  })

  test('only main.ts ends the process', () => {
    const ends = linesWith(sources, /\bprocess\.(exit|abort|kill)\(/)
    assert.deepEqual(
      ends.filter((line) => !line.startsWith('src/main.ts:')),
      [],
    )
    assert.ok(ends.length > 0)
  })

  test('the path of a query has no async and no await', () => {
    const pathOfQuery = new Map(
      [...sources].filter(([file]) => ['wire', 'serve'].includes(layerOf(file))),
    )
    assert.deepEqual(linesWith(pathOfQuery, /\b(async|await)\b/), [])
  })

  test('there are no private accessors: V8 calls its runtime for each use of one', () => {
    assert.deepEqual(linesWith(sources, /^\s*[gs]et #/), [])
  })

  test(`no file is longer than ${MAX_LINES} lines, half of them at most ${MEDIAN_LINES}`, () => {
    assert.deepEqual(formProblems(sources), [])
    assert.deepEqual(formProblems(read('bench/**/*.ts')), [])
    const lengths = [...sources.values()].map((s) => s.split('\n').length).toSorted((a, b) => a - b)
    const median = lengths[lengths.length >> 1]!
    assert.ok(median <= MEDIAN_LINES, `the median is ${median}`)
  })
})

describe('the check itself', () => {
  const good = 'src/lib/clock.ts'
  const problems = (file: string, source: string, more: readonly string[] = []): string[] => {
    const others = [good, ...more].map((name) => [name, ''] as const)
    return importProblems(new Map([...others, [file, source]]))
  }

  test('passes what the law allows', () => {
    const source = `import { Clock } from '../lib/clock.ts'\nimport { join } from 'node:path'\n`
    assert.deepEqual(problems('src/serve/chain.ts', source), [])
    assert.deepEqual(problems('src/telemetry/log.ts', `await import('pino')`), [])
  })

  test('names the line of what it forbids, in every way to import', () => {
    for (const source of [
      `import { Clock } from '../lib/clock.ts'`,
      `import type { Clock } from '../lib/clock.ts'`,
      `import {\n  Clock,\n} from '../lib/clock.ts'`,
      `import '../lib/clock.ts'`,
      `export * from '../lib/clock.ts'`,
      `export { Clock } from '../lib/clock.ts'`,
      `const { Clock } = await import('../lib/clock.ts')`,
      `type Clock = import('../lib/clock.ts').Clock`,
      `const clock = require('../lib/clock.ts')`,
    ]) {
      const [found = '', ...more] = problems('src/wire/name.ts', `\n${source}\n`)
      assert.match(found, /^src\/wire\/name\.ts:2: wire may not import lib: /, source)
      assert.deepEqual(more, [])
    }
  })

  test('finds other breaches', () => {
    const breaches: [file: string, source: string, problem: RegExp][] = [
      ['src/plugins/log/index.ts', `import '../cache/index.ts'`, /a plugin imports a plugin/],
      ['src/serve/query.ts', `import { createServer } from 'node:http'`, /belongs to src\/telem/],
      ['src/serve/query.ts', `import pino from 'pino'`, /the door of pino is/],
      ['src/serve/query.ts', `import x from 'left-pad'`, /left-pad has no door/],
      ['src/serve/query.ts', `import '../../bench/main.ts'`, /leaves src/],
      ['src/serve/query.ts', `import './absent.ts'`, /names no file/],
      ['src/misc/query.ts', `import '../lib/clock.ts'`, /"misc" is no layer/],
    ]
    for (const [file, source, problem] of breaches) {
      const found = problems(file, source, ['src/plugins/cache/index.ts'])
      assert.equal(found.length, 1, source)
      assert.match(found[0]!, problem)
    }
  })

  test('finds circles, long files and bad names', () => {
    const circle = new Map([
      ['src/lib/a.ts', `import './b.ts'`],
      ['src/lib/b.ts', `import './c.ts'`],
      ['src/lib/c.ts', `import type { A } from './a.ts'`],
    ])
    assert.deepEqual(cycles(circle), ['src/lib/a.ts → src/lib/b.ts → src/lib/c.ts → src/lib/a.ts'])
    const long = formProblems(new Map([['src/lib/LongFile.ts', '\n'.repeat(MAX_LINES + 1)]]))
    assert.equal(long.length, 2)
    const machine = `type State = 'open' | 'shut'\n/**\n * open ─▶ shut\n */\n`
    const withStates = (lines: number, source: string = machine): string[] =>
      formProblems(new Map([['src/lib/door.ts', source.padEnd(source.length + lines - 4, '\n')]]))
    assert.deepEqual(withStates(MAX_LINES_WITH_STATES), [])
    assert.equal(withStates(MAX_LINES_WITH_STATES + 1).length, 1)
    for (const undrawn of [machine.replace('─▶ shut', '─▶'), machine.replace('─▶', 'or')]) {
      assert.deepEqual(withStates(MAX_LINES, undrawn), [])
      assert.equal(withStates(MAX_LINES + 1, undrawn).length, 1, undrawn)
    }
    const code = new Map([['src/lib/a.ts', '// process.exit(1)\nprocess.exit(1)\n']])
    assert.deepEqual(linesWith(code, /process\.exit\(/), ['src/lib/a.ts:2: process.exit(1)'])
  })
})

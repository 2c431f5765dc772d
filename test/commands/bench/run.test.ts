import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { runBench } from '../../../src/commands/bench/index.ts'
import type { BenchResult } from '../../../src/load/result.ts'
import { benchOptions } from '../../../src/options/bench-options.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { address, answer, type Script, ScriptedServer } from '../../load/scripted-server.ts'

const ESCAPE = '\u001b'

interface Ran {
  readonly status: number
  readonly out: string
  readonly err: string
}

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly env?: NodeJS.ProcessEnv
}

async function run(
  argv: readonly string[],
  { env = {}, ...terminal }: Terminal = {},
): Promise<Ran> {
  const options = benchOptions(['-d', '0.1', '-c', '5', '-resolv', '/nonexistent', ...argv])
  assert.ok(typeof options !== 'string')
  let [out, err] = ['', '']
  const status = await runBench(options, {
    out: { ...terminal, write: (text) => (out += text) },
    err: { ...terminal, write: (text) => (err += text) },
    env,
    stop: new AbortController().signal,
  })
  return { status, out, err }
}

async function serverOf(t: TestContext, script: Script): Promise<string> {
  const { endpoint } = await ScriptedServer.open(t, script)
  return `${endpoint.host}:${endpoint.port}`
}

const good: Script = ({ query }) => [address(query)]

describe('exit status', () => {
  test('0 where all is well, and a name that does not exist is well', async (t) => {
    const server = await serverOf(t, good)
    assert.equal((await run(['-host', 'a', '-server', server])).status, 0)
    const none = await serverOf(t, ({ query }) => [answer(query, 3)])
    const { out, status } = await run(['-host', 'a', '-server', none])
    assert.equal(status, 0)
    assert.match(out, /answers +NXDOMAIN \d/)
  })

  test('1 where something failed, or was over the limit', async (t) => {
    const bad = await serverOf(t, ({ query }) => [answer(query, 2)])
    const { out, status } = await run(['-host', 'a', '-server', bad])
    assert.equal(status, 1)
    assert.match(out, /errors +[\d,]+ \(100 %\): rcode [\d,]+\n/)
    assert.match(out, /answers +SERVFAIL [\d,]+\n/)
    const slow = await serverOf(t, good)
    const over = await run([
      '-host',
      'a',
      '-server',
      slow,
      '-client',
      'tcp',
      '-l',
      '1',
      '-c',
      '200',
    ])
    assert.equal(over.status, 1)
    assert.match(over.out, /over 1\.00 ms +[1-9]/)
  })

  test('2, a line and no report where it cannot be done', async (t) => {
    const folder = temporaryFolder(t)
    const cases: [argv: string[], reason: RegExp][] = [
      [['-host', 'a', '-server', 'x'], /^dnslet bench: -server: "x" is no IP address\n$/],
      [
        ['-host', 'a', '-server', '::1', '-json', folder],
        /^dnslet bench: Cannot write .*: EISDIR[^\n]*\n$/,
      ],
      [
        ['-host', 'a', '-server', '::1', '-html', `${folder}/no/r.html`],
        /Cannot write .*: ENOENT[^\n]*\n$/,
      ],
      [
        ['-hosts', `${folder}/no`, '-server', '::1'],
        /^dnslet bench: Cannot read .*: ENOENT[^\n]*\n$/,
      ],
      [['-host', 'a', '-server', '::1', '-c', '1000000'], /ulimit -n[^\n]*\n$/],
    ]
    for (const [argv, reason] of cases) {
      const { err, out, status } = await run(argv)
      assert.equal(status, 2, argv.join(' '))
      assert.match(err, reason)
      assert.equal(out, '')
    }
  })
})

describe('the report', () => {
  test('a run by itself', async (t) => {
    const server = await serverOf(t, good)
    const { err, out } = await run(['-host', 'www.example', '-server', server])
    assert.equal(err, '')
    assert.match(out, /^www\.example \(A, AAAA\), 5 at a time, 0\.1 s, limit 5\.00 s\n/)
    assert.match(out, /\nglibc at 127\.0\.0\.1:\d+\n {2}requests +[\d,]+ \([\d,]+ a second\)\n/)
    assert.match(out, /\n {2}min\/avg\/max +[\d.]+ ms \/ [\d.]+ ms \/ [\d.]+ m?s\n/)
    assert.match(out, /\n {2}p50\/p90\/p99\/p99\.9 +[\d.]+ ms \/ /)
    assert.match(out, /\n +[\d.]+ m?s +[\d,]+ #+\n/)
    assert.doesNotMatch(out, /█/)
    assert.ok(!out.includes(ESCAPE))
  })

  test('on a terminal: bars, colours, progress that goes away', async (t) => {
    const server = await serverOf(t, good)
    const argv = ['-host', 'a', '-server', server, '-d', '0.7']
    const { err, out } = await run(argv, { isTTY: true, columns: 60 })
    assert.match(out, /█/)
    assert.ok(out.includes(`${ESCAPE}[1mglibc`))
    assert.ok(err.startsWith(`\r${ESCAPE}[Kglibc · `))
    assert.ok(err.endsWith('\r\u001b[K'))
    assert.ok(out.split('\n').every((line) => line.startsWith('Note') || line.length <= 100))
    const plain = await run(argv, { isTTY: true, columns: 60, env: { NO_COLOR: '1' } })
    assert.ok(!plain.out.includes(ESCAPE))
  })

  test('several runs: a table, with fewer columns where there is little room', async (t) => {
    const [one, two] = [await serverOf(t, good), await serverOf(t, good)]
    const argv = ['-host', 'a', '-server', one, '-server', two, '-client', 'go', '-client', 'musl']
    const wide = (await run(argv, { columns: 200 })).out
    const head = wide.split('\n').find((line) => line.startsWith('client'))
    assert.match(
      head ?? '',
      /^client +server +requests +a second +errors +over 5\.00 s +min +avg +p50 +p90 +p99 +p99\.9 +max$/,
    )
    assert.equal(
      wide.split('\n').filter((line) => /^(go|musl) +127\.0\.0\.1:\d+ +[\d,]+ /.test(line)).length,
      4,
    )
    const narrow = (await run(argv, { columns: 80 })).out
    const short = narrow.split('\n').find((line) => line.startsWith('client')) ?? ''
    assert.doesNotMatch(short, /a second|min/)
    assert.match(short, /p99/)
  })

  test('as JSON, to standard output alone, or to a file beside the text', async (t) => {
    const server = await serverOf(t, good)
    const { out } = await run(['-host', 'a', '-server', server, '-json'])
    const { runs, version } = JSON.parse(out) as BenchResult
    assert.equal(version, 1)
    assert.equal(runs[0]?.client, 'glibc')
    const folder = temporaryFolder(t)
    const files = ['-json', join(folder, 'r.json'), '-html', join(folder, 'r.html')]
    const text = await run(['-host', 'a', '-server', server, ...files])
    assert.match(text.out, /^a \(A, AAAA\)/)
    const result = JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8')) as BenchResult
    assert.ok(result.runs[0]!.requests > 0)
    assert.match(readFileSync(join(folder, 'r.html'), 'utf8'), /^<!doctype html>/)
  })

  test('hosts of a terminal-minded author do no harm', async (t) => {
    const server = await serverOf(t, good)
    const { err, status } = await run(['-host', 'a\u001b[2Jb', '-server', server])
    assert.equal(status, 2)
    assert.match(err, /"a\\x1b\[2Jb" is no domain name/)
  })
})

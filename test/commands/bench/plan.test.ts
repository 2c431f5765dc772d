import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { capacityProblem, type Limits, readLimits } from '../../../src/commands/bench/capacity.ts'
import { hostProblem, MAX_HOSTS, readHosts } from '../../../src/commands/bench/hosts.ts'
import { checkWritable, makePlan } from '../../../src/commands/bench/make-plan.ts'
import type { BenchPlan } from '../../../src/load/plan.ts'
import { benchOptions } from '../../../src/options/bench-options.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'

const limits: Limits = { descriptors: 1_024, ports: 28_232, threads: 4 }

function plan(...argv: readonly string[]): BenchPlan {
  const options = benchOptions(argv)
  return typeof options === 'string' ? assert.fail(options) : makePlan(options, limits)
}

function fileWith(t: TestContext, text: string): string {
  const file = join(temporaryFolder(t), 'file')
  writeFileSync(file, text)
  return file
}

describe('hosts', () => {
  test('of a file: one a line, with comments, and what dnsperf wants behind them', (t) => {
    const file = fileWith(
      t,
      '# names\n\n  www.example  \nmail.example. A\nwww.example # again\n_sip._udp.x\n',
    )
    assert.deepEqual(readHosts(file), ['www.example', 'mail.example.', '_sip._udp.x'])
  })

  test('bad lines are named, with file and line', (t) => {
    const cases: [text: string, problem: RegExp][] = [
      ['a\n\nb..c\n', /:3: "b\.\.c" is no domain name$/],
      ['10.0.0.1\n', /:1: "10\.0\.0\.1" is an address: there is nothing to look up$/],
      [`${'a'.repeat(64)}.x\n`, /:1: "a{64}\.x" is no domain name$/],
      [`${'a'.repeat(300)}\n`, /:1: "a{80}…" is no domain name$/],
      ['a\u001b[2Jb\n', /:1: "a\\x1b\[2Jb" is no domain name$/],
      ['', /: no host in it$/],
      ['# nothing\n', /: no host in it$/],
      [
        Array.from({ length: MAX_HOSTS + 1 }, (_, i) => `h${i}`).join('\n'),
        /: more than 100000 hosts$/,
      ],
    ]
    for (const [text, problem] of cases) {
      assert.throws(() => readHosts(fileWith(t, text)), problem)
    }
    assert.throws(() => readHosts('/nonexistent'), /^Error: Cannot read \/nonexistent: ENOENT/)
    assert.throws(
      () => readHosts('/dev/zero'),
      /^Error: Cannot read \/dev\/zero: larger than 32 MiB$/,
    )
    assert.throws(() => readHosts('/'), /^Error: Cannot read \/: EISDIR/)
  })

  test('on the command line', () => {
    assert.equal(hostProblem('www.example'), null)
    assert.throws(() => plan('-host', '', '-server', '127.0.0.1'), /-host: "" is no domain name/)
    assert.throws(() => plan('-host', '::1', '-server', '127.0.0.1'), /-host: "::1" is an address/)
  })
})

describe('a plan', () => {
  test('has a run for each client and server, named by what differs', (t) => {
    const file = fileWith(t, 'search a.example\nnameserver 192.0.2.9\noptions ndots:3\n')
    const labels = (...argv: string[]): string[] =>
      plan('-host', 'a', '-resolv', file, ...argv).runs.map(({ label }) => label)
    assert.deepEqual(labels(), ['glibc'])
    assert.deepEqual(labels('-client', 'go', '-client', 'tcp'), ['go', 'tcp'])
    assert.deepEqual(labels('-server', '192.0.2.1', '-server', '::1'), ['192.0.2.1:53', '[::1]:53'])
    assert.deepEqual(
      labels('-server', '192.0.2.1', '-server', '192.0.2.2:5', '-client', 'go', '-client', 'tcp'),
      ['go 192.0.2.1:53', 'go 192.0.2.2:5', 'tcp 192.0.2.1:53', 'tcp 192.0.2.2:5'],
    )
  })

  test('asks the servers of resolv.conf where none is named, with its search list either way', (t) => {
    const file = fileWith(t, 'search a.example\nnameserver 192.0.2.9\noptions ndots:3\n')
    const [own] = plan('-host', 'a', '-resolv', file).runs
    assert.deepEqual(own?.config.servers, [{ host: '192.0.2.9', port: 53 }])
    assert.equal(own.server, '192.0.2.9:53')
    const [named] = plan('-host', 'a', '-resolv', file, '-server', '192.0.2.1').runs
    assert.deepEqual(named?.config.servers, [{ host: '192.0.2.1', port: 53 }])
    assert.deepEqual([named.config.search, named.config.ndots], [['a.example'], 3])
  })

  test('types: both families, or those named; raw asks for A', () => {
    const types = (...argv: string[]): readonly number[] =>
      plan('-host', 'a', '-server', '192.0.2.1', ...argv).types
    assert.deepEqual(types(), [1, 28])
    assert.deepEqual(types('-client', 'raw'), [1])
    assert.deepEqual(types('-type', 'txt', '-type', 'TYPE65280'), [16, 65_280])
  })

  const refusals: readonly (readonly [argv: string, reason: RegExp])[] = [
    ['-server kube-dns', /^-server: "kube-dns" is no IP address$/],
    ['-server 10.0.0.1:0', /^-server: "10\.0\.0\.1:0" has no port from 1 to 65535$/],
    ['-type nonsense -server ::1', /^-type: "NONSENSE" is no type$/],
    ['-resolv /nonexistent', /^Cannot read \/nonexistent: ENOENT/],
    ['-resolv / -server ::1', /^Cannot read \/: EISDIR/],
    ['-resolv /dev/zero', /^Cannot read \/dev\/zero: larger than 1 MiB$/],
    ['-resolv /dev/null', /^\/dev\/null names no server: name one with -server$/],
    ['-client raw -client tcp -server ::1', /^raw asks for single types/],
    [
      '-client system -c 1 -resolv /dev/null -server ::1',
      /^-client system reads \/etc\/resolv\.conf/,
    ],
    [
      '-server ::1 -c 1000000',
      /^-c 1000000 with -client glibc needs 3000000 sockets.*1024.*ulimit -n.*-c 320 fits$/,
    ],
    ['-hosts /nonexistent -server ::1', /^Cannot read \/nonexistent: ENOENT/],
    [
      Array.from({ length: 101 }, (_, i) => `-server 10.0.0.${i}`).join(' '),
      /^101 runs are too many: at most 100$/,
    ],
  ]
  for (const [argv, reason] of refusals) {
    test(`refuses ${argv.slice(0, 60)}`, () => {
      assert.throws(
        () => plan('-host', 'a', ...argv.split(' ')),
        (error) =>
          error instanceof Error && (reason.test(error.message) || assert.fail(error.message)),
      )
    })
  }

  test('an absent resolv.conf matters only where its servers are wanted', () => {
    const { runs } = plan('-host', 'a', '-resolv', '/nonexistent', '-server', '::1')
    assert.deepEqual(runs[0]?.config.search, [])
  })
})

test('getaddrinfo asks whom it is told to elsewhere', () => {
  const options = benchOptions(['-host', 'a', '-client', 'system', '-c', '1', '-type', 'TXT'])
  assert.ok(typeof options !== 'string')
  assert.throws(
    () => makePlan(options, limits),
    /can ask for A and AAAA alone|names no server|ENOENT/,
  )
})

describe('how many look-ups fit', () => {
  test('descriptors, ports, threads', () => {
    assert.equal(capacityProblem('musl', 960, limits), null)
    assert.match(capacityProblem('musl', 961, limits) ?? '', /at most -c 960 fits$/)
    const many = { ...limits, descriptors: 1_000_000 }
    assert.equal(capacityProblem('go', 14_000, many), null)
    assert.match(
      capacityProblem('go', 20_000, many) ?? '',
      /needs 40000 source ports.*at most -c 14116 fits/,
    )
    assert.equal(capacityProblem('raw', 100_000, limits), null)
    assert.match(capacityProblem('raw', 100_001, limits) ?? '', /at most 100000$/)
    assert.equal(capacityProblem('system', 2, limits), null)
    assert.match(
      capacityProblem('system', 200, limits) ?? '',
      /UV_THREADPOOL_SIZE=400 in the environment helps/,
    )
    assert.match(capacityProblem('system', 513, limits) ?? '', /at most -c 512 fits/)
    assert.equal(capacityProblem('system', 512, { ...limits, threads: 1_024 }), null)
  })

  test('are read from this machine', () => {
    const { descriptors, ports, threads } = readLimits({})
    assert.ok(descriptors > 100 && ports > 100)
    assert.equal(threads, 4)
    assert.equal(readLimits({ UV_THREADPOOL_SIZE: '9999' }).threads, 1_024)
    assert.equal(readLimits({ UV_THREADPOOL_SIZE: 'x' }).threads, 4)
    assert.equal(readLimits({ UV_THREADPOOL_SIZE: '0' }).threads, 1)
  })
})

test('a file that cannot be written is found before anything is measured', (t) => {
  const folder = temporaryFolder(t)
  checkWritable(join(folder, 'new'))
  assert.throws(() => checkWritable(folder), /^Error: Cannot write .*: EISDIR/)
  assert.throws(() => checkWritable(join(folder, 'none/file')), /^Error: Cannot write .*: ENOENT/)
})

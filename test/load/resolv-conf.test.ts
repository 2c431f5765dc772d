import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolverConfig } from '../../src/load/resolv-conf.ts'
import { glibcNames, goNames, muslNames } from '../../src/load/search-list.ts'
import { parseServer, serverNames } from '../../src/load/target.ts'

test('resolv.conf as kubelet writes it', () => {
  const text = `search default.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
`
  assert.deepEqual(resolverConfig(text), {
    servers: [{ host: '10.96.0.10', port: 53 }],
    search: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
    ndots: 5,
    timeoutMs: 5_000,
    attempts: 2,
    rotate: false,
    singleRequest: false,
    singleRequestReopen: false,
    useVc: false,
  })
})

test('resolv.conf in other forms', () => {
  const text = `# comment
; another
domain example.com
search a b
nameserver fd00::a
nameserver nonsense
nameserver 10.0.0.1
nameserver 10.0.0.2
nameserver 10.0.0.3
options rotate timeout:1 attempts:99 ndots:x
options single-request single-request-reopen use-vc timeout:400
`
  const config = resolverConfig(text)
  assert.equal(serverNames(config.servers), '[fd00::a]:53, 10.0.0.1:53, 10.0.0.2:53')
  assert.deepEqual(config.search, ['a', 'b'])
  const { attempts, ndots, rotate, singleRequest, singleRequestReopen, timeoutMs, useVc } = config
  assert.deepEqual([ndots, timeoutMs, attempts], [1, 30_000, 5])
  assert.deepEqual([rotate, singleRequest, singleRequestReopen, useVc], [true, true, true, true])
  assert.deepEqual(resolverConfig('domain a b').search, ['a'])
  assert.equal(resolverConfig('options ndots:99').ndots, 15)
})

/** What each asks for: `glibc`, `musl` and `go` where they differ. */
const rows: readonly {
  host: string
  search: readonly string[]
  ndots: number
  glibc: string
  musl?: string
  go?: string
}[] = [
  { host: 'www', search: [], ndots: 1, glibc: 'www.' },
  { host: 'www', search: ['a.', '.b'], ndots: 1, glibc: 'www.a. www.b. www.' },
  { host: 'www.x', search: ['a'], ndots: 1, glibc: 'www.x. www.x.a.', musl: 'www.x.' },
  { host: 'www.x', search: ['a', 'b'], ndots: 5, glibc: 'www.x.a. www.x.b. www.x.' },
  { host: 'www.x.', search: ['a'], ndots: 5, glibc: 'www.x.' },
  {
    host: 'a.b.c.d.e.f',
    search: ['a'],
    ndots: 5,
    glibc: 'a.b.c.d.e.f. a.b.c.d.e.f.a.',
    musl: 'a.b.c.d.e.f.',
  },
  { host: 'www', search: ['a'], ndots: 0, glibc: 'www. www.a.', musl: 'www.' },
  { host: 'www', search: ['.'], ndots: 1, glibc: 'www.', musl: 'www. www.', go: 'www. www.' },
  { host: 'www.onion', search: ['a'], ndots: 5, glibc: 'www.onion.a. www.onion.', go: '' },
  {
    host: 'x'.repeat(60),
    search: [`${'y'.repeat(63)}.`.repeat(3) + 'z'],
    ndots: 1,
    glibc: `${'x'.repeat(60)}.${`${'y'.repeat(63)}.`.repeat(3)}z. ${'x'.repeat(60)}.`,
    go: `${'x'.repeat(60)}.`,
  },
]

describe('the search list', () => {
  for (const { host, search, ndots, glibc, musl = glibc, go = glibc } of rows) {
    test(`${host.slice(0, 20)}, ndots ${ndots}, search ${search.join(' ').slice(0, 20)}`, () => {
      const names = (manner: typeof glibcNames): string =>
        manner(host, { search, ndots })
          .map(({ name }) => name)
          .join(' ')
      assert.equal(names(glibcNames), glibc)
      assert.equal(names(muslNames), musl)
      assert.equal(names(goNames), go)
    })
  }
})

test('servers as -server names them', () => {
  const good: [string, string][] = [
    ['10.96.0.10', '10.96.0.10:53'],
    ['10.96.0.10:5353', '10.96.0.10:5353'],
    ['fd00::a', '[fd00::a]:53'],
    ['[fd00::a]', '[fd00::a]:53'],
    ['[fd00::a]:1053', '[fd00::a]:1053'],
  ]
  for (const [text, shown] of good) {
    const server = parseServer(text)
    assert.ok(typeof server !== 'string', text)
    assert.equal(serverNames([server]), shown)
  }
  for (const text of [
    '',
    'kube-dns',
    'kube-dns:53',
    '10.0.0.1.5',
    'fd00::a:x',
    '[kube]:53',
    '10.0.0.1 ',
  ]) {
    assert.match(JSON.stringify(parseServer(text)), /is no IP address/, text)
  }
  for (const text of ['10.0.0.1:0', '10.0.0.1:65536', '10.0.0.1:dns', '10.0.0.1:']) {
    assert.match(JSON.stringify(parseServer(text)), /has no port from 1 to 65535/, text)
  }
})

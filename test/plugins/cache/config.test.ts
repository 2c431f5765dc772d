import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeFiles } from '../../../src/corefile/files.ts'
import { parse } from '../../../src/corefile/parse.ts'
import { readConfig, type CacheConfig } from '../../../src/plugins/cache/config.ts'

function read(directive: string, warn?: (message: string) => void): CacheConfig {
  const [block] = parse(
    { file: 'Corefile', text: `example.com {\n${directive}\n}\n` },
    { directives: ['cache'], env: {}, files: nodeFiles, warn: () => {} },
  )
  return readConfig(block!.directives.get('cache')!, ['example.com.'], warn)
}

test('defaults', () => {
  const config = read('cache')
  assert.deepEqual(config.zones, ['example.com.'])
  assert.deepEqual(config.success, { capacity: 10_000, maxTtl: 3600, minTtl: 0 })
  assert.deepEqual(config.denial, { capacity: 10_000, maxTtl: 1800, minTtl: 0 })
  assert.equal(config.prefetch, null)
  assert.equal(config.servfail, 5000)
  assert.deepEqual(config.stale, {
    window: 3_600_000,
    askFirst: true,
    timeout: 1800,
    responseTtl: 30,
    recheck: 30_000,
    preferPositive: false,
  })
})

test('the TTL argument sets both maxima; the options of a store win', () => {
  const config = read('cache 30 example.org Example.NET {\nsuccess 2000 20 3\ndenial 100\n}')
  assert.deepEqual(config.zones, ['example.org.', 'example.net.'])
  assert.deepEqual(config.success, { capacity: 2000, maxTtl: 20, minTtl: 3 })
  assert.deepEqual(config.denial, { capacity: 1024, maxTtl: 30, minTtl: 0 })
})

test('a TTL below MINTTL is the one that counts', () => {
  const { success, denial } = read('cache {\nsuccess 2000 5 10\ndenial 2000 7 7\n}')
  assert.deepEqual([success.minTtl, success.maxTtl], [5, 5])
  assert.deepEqual([denial.minTtl, denial.maxTtl], [7, 7])
})

test('prefetch', () => {
  assert.deepEqual(read('cache {\nprefetch 5\n}').prefetch, {
    amount: 5,
    duration: 60_000,
    percentage: 10,
  })
  assert.deepEqual(read('cache {\nprefetch 5 10s 20%\n}').prefetch, {
    amount: 5,
    duration: 10_000,
    percentage: 20,
  })
  assert.equal(read('cache {\nprefetch 0\n}').prefetch, null)
})

test('serve_stale', () => {
  const bare = { window: 3_600_000, askFirst: false, timeout: 1800, responseTtl: 0, recheck: 0 }
  const stale = (option: string): unknown => read(`cache {\n${option}\n}`).stale
  assert.deepEqual(stale('serve_stale'), { ...bare, preferPositive: false })
  assert.deepEqual(stale('serve_stale 2h IMMEDIATE 30s 1m'), {
    ...bare,
    window: 7_200_000,
    responseTtl: 30,
    recheck: 60_000,
    preferPositive: false,
  })
  assert.deepEqual(stale('serve_stale 1h verify 500ms 10s 5s'), {
    window: 3_600_000,
    askFirst: true,
    timeout: 500,
    responseTtl: 10,
    recheck: 5000,
    preferPositive: false,
  })
  assert.deepEqual(stale('serve_stale 1h verify'), {
    ...bare,
    askFirst: true,
    preferPositive: false,
  })
  assert.equal(stale('serve_stale 0'), null)
  for (const word of ['prefer_positive', 'PREFER_POSITIVE', 'Prefer_Positive']) {
    assert.deepEqual(stale(`serve_stale\nserve_stale_policy ${word}`), {
      ...bare,
      preferPositive: true,
    })
  }
})

const wrong: readonly (readonly [directive: string, line: number, reason: string])[] = [
  ['cache 0', 2, 'cache TTL can not be zero or negative: 0'],
  ['cache -5', 2, 'cache TTL can not be zero or negative: -5'],
  ['cache {\nsuccess x\n}', 3, 'strconv.Atoi: parsing "x": invalid syntax'],
  ['cache {\nsuccess 1000 0\n}', 3, 'cache TTL can not be zero or negative: 0'],
  ['cache {\ndenial 1000 5 -1\n}', 3, 'cache min TTL can not be negative: -1'],
  ['cache {\nprefetch -1\n}', 3, 'prefetch amount should be positive: -1'],
  ['cache {\nprefetch 1 1m 10\n}', 3, "last character of percentage should be `%`, but is: '0'"],
  ['cache {\nprefetch 1 1m 95%\n}', 3, 'percentage should fall in range [10, 90]: 95'],
  ['cache {\nserve_stale -1s\n}', 3, 'invalid negative duration for serve_stale'],
  ['cache {\nserve_stale 1h later\n}', 3, 'invalid value for serve_stale refresh mode: later'],
  [
    'cache {\nserve_stale 1h immediate 1500ms\n}',
    3,
    'serve_stale response TTL must be a whole number of seconds',
  ],
  [
    'cache {\nserve_stale 1h immediate 1s 6m\n}',
    3,
    'serve_stale failure recheck cannot exceed 5 minutes',
  ],
  ['cache {\nserve_stale_policy prefer_positive\n}', 3, 'serve_stale_policy requires serve_stale'],
  ['cache {\nserve_stale\nserve_stale_policy x\n}', 4, 'invalid serve_stale_policy: x'],
  ['cache {\nservfail -1s\n}', 3, 'invalid negative ttl for servfail'],
  ['cache {\nservfail 6m\n}', 3, 'caching SERVFAIL responses over 5 minutes is not permitted'],
  ['cache {\ndisable both\n}', 3, 'cache type for disable must be "success" or "denial"'],
  ['cache\ncache', 3, 'this plugin can only be used once per Server Block'],
]
for (const [directive, line, reason] of wrong) {
  test(`refused: ${JSON.stringify(directive)}`, () => {
    assert.throws(() => read(directive), { message: `Corefile:${line} - plugin/cache: ${reason}` })
  })
}

test('wrong numbers of arguments and unknown options name the line', () => {
  for (const body of ['success', 'keepttl x', 'servfail', 'disable', 'foo']) {
    assert.throws(
      () => read(`cache {\n${body}\n}`),
      /^CorefileError.*: Corefile:3 - plugin\/cache|Corefile:3/,
    )
  }
})

test('what is accepted though it is probably not meant is warned of', () => {
  for (const [directive, warning] of [
    ['cache 30s', "'30s' is read as a zone: a TTL is a number of seconds, without a unit"],
    [
      'cache 99999999999999999999',
      "'99999999999999999999' is read as a zone: a TTL is a number of seconds, without a unit",
    ],
    ['cache a..b', "'a..b' is ignored: zone is not a valid domain name: a..b"],
    ['cache {\nsuccess 2000 10 5 x\n}', "'x' is ignored: success has three values"],
    ['cache {\ndenial 2000 10 5 x y\n}', "'x' is ignored: denial has three values"],
    [
      'cache {\ndisable success a..b\n}',
      "'a..b' is ignored: zone is not a valid domain name: a..b",
    ],
  ] as const) {
    const said: string[] = []
    read(directive, (message) => void said.push(message.replace(/^Corefile:\d - /, '')))
    assert.deepEqual(said, [warning])
  }
})

test('a closing brace behind disable is a zone to CoreDNS: nothing is disabled by it', () => {
  assert.deepEqual(read('cache { disable success }').withoutSuccess, [])
  assert.deepEqual(read('cache { disable denial a.test }').withoutDenial, ['a.test.'])
  assert.deepEqual(read('cache {\ndisable success\n}').withoutSuccess, ['.'])
})

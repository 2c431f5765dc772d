import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { describeConfig } from '../../../src/plugins/forward/describe.ts'
import { Rcode } from '../../../src/wire/codes.ts'
import { KeptStates } from '../../../src/daemon/kept-states.ts'
import { Clock } from '../../../src/lib/clock.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { LogLines, setup } from './harness.ts'
import { configOf, errorOf } from './parse.ts'

const plain = { scheme: 'dns', serverName: null } as const

const ARGUMENTS = 'Wrong argument count or unexpected line ending after '

/** Errors of the grammar name the position themselves. */
const full = (line: number, message: string): string =>
  message.startsWith('Corefile:')
    ? `plugin/forward: ${message}`
    : `Corefile:${line} - plugin/forward: ${message}`

test('readConfig() fills in CoreDNS’s defaults', () => {
  const config = configOf('forward . 10.96.0.10')
  assert.ok(Object.isFrozen(config))
  assert.deepEqual(config, {
    from: '.',
    ignoredFrom: [],
    to: [{ kind: 'address', endpoint: { host: '10.96.0.10', port: 53 }, ...plain }],
    except: [],
    forceTcp: false,
    preferUdp: false,
    expire: 10_000,
    maxAge: 0,
    tls: null,
    serverName: null,
    dohMethod: 'POST',
    maxFails: 2,
    maxConnectAttempts: null,
    maxIdleConns: 0,
    readTimeout: 2000,
    policy: 'random',
    healthCheck: { interval: 500, domain: '.', recursionDesired: true },
    maxConcurrent: 0,
    next: [],
    nextOnNodata: false,
    failover: [],
    failfast: false,
    source: null,
    resolvers: [],
  })
})

test('readConfig() reads every option', () => {
  const config = configOf(`forward Example.ORG dns://10.0.0.1 [fd00::1]:5353 {
    except a.example.org B.example.org
    except 10.0.0.0/15
    force_tcp
    prefer_udp
    expire 1m30s
    max_age 1h30m
    tls
    tls_servername dns.example
    doh_method GET
    max_fails 5
    max_connect_attempts 3
    max_idle_conns 4
    read_timeout 300ms
    policy round_robin
    health_check 1s no_rec domain Example.org
    max_concurrent 1000
    next nxdomain SERVFAIL
    next_on_nodata
    failover REFUSED
    failfast_all_unhealthy_upstreams
    source_address 192.0.2.1
    resolver 192.0.2.2 [fd00::2]:54
  }`)
  assert.deepEqual(config, {
    from: 'example.org.',
    ignoredFrom: [],
    to: [
      { kind: 'address', endpoint: { host: '10.0.0.1', port: 53 }, ...plain },
      { kind: 'address', endpoint: { host: 'fd00::1', port: 5353 }, ...plain },
    ],
    except: ['a.example.org.', 'b.example.org.', '0.10.in-addr.arpa.', '1.10.in-addr.arpa.'],
    forceTcp: true,
    preferUdp: true,
    expire: 90_000,
    maxAge: 5_400_000,
    tls: { ca: null, cert: null, key: null },
    serverName: 'dns.example',
    dohMethod: 'GET',
    maxFails: 5,
    maxConnectAttempts: 3,
    maxIdleConns: 4,
    readTimeout: 300,
    policy: 'round_robin',
    healthCheck: { interval: 1000, domain: 'example.org.', recursionDesired: false },
    maxConcurrent: 1000,
    next: [Rcode.NXDomain, Rcode.ServFail],
    nextOnNodata: true,
    failover: [Rcode.Refused],
    failfast: true,
    source: '192.0.2.1',
    resolvers: [
      { host: '192.0.2.2', port: 53 },
      { host: 'fd00::2', port: 54 },
    ],
  })
})

describe('readConfig() refuses', () => {
  const fifteen = Array.from({ length: 15 }, (_, i) => `10.0.0.${i}`).join(' ')
  const cases: readonly (readonly [text: string, message: string])[] = [
    ['forward', `Corefile:2 - Error during parsing: ${ARGUMENTS}'forward'`],
    ['forward .', `Corefile:2 - Error during parsing: ${ARGUMENTS}'.'`],
    [`forward . ${fifteen} 10.0.1.1 10.0.1.2`, 'more than 15 TOs configured: 17'],
    ['forward a..b 10.0.0.1', "unable to normalize 'a..b'"],
    ['forward . /no/such', 'not an IP address, file, or valid domain: "/no/such": no such file'],
    ['forward . 10.0.0.256', 'not an IP address, file, or valid domain: "10.0.0.256"'],
    [
      'forward . __PILLAR__CLUSTER__DNS__',
      'not an IP address, file, or valid domain: "__PILLAR__CLUSTER__DNS__"',
    ],
    [
      'forward . https://1.1.1.1/',
      'paths are not allowed in HTTPS upstream addresses (the /dns-query path is used by default): ' +
        'https://1.1.1.1/',
    ],
    [
      'forward . grpc://9.9.9.9',
      "'grpc' is not supported as a destination protocol in forward: grpc://9.9.9.9",
    ],
    [
      'forward . quic://9.9.9.9',
      "'quic' is not supported as a destination protocol in forward: quic://9.9.9.9",
    ],
  ]
  for (const [text, message] of cases) {
    test(text, () => {
      assert.equal(errorOf(text), full(2, message))
    })
  }

  const options: readonly (readonly [option: string, message: string])[] = [
    ['expire -1s', "expire can't be negative: -1s"],
    ['expire 5', 'time: missing unit in duration "5"'],
    ['read_timeout 0s', 'read_timeout must be positive: 0s'],
    ['max_concurrent -4', "max_concurrent can't be negative: -4"],
    ['max_idle_conns -4', "max_idle_conns can't be negative: -4"],
    ['max_fails -1', 'strconv.ParseUint: parsing "-1": invalid syntax'],
    ['policy fastest', "Corefile:3 - Error during parsing: unknown policy 'fastest'"],
    [
      'policy Random',
      "Corefile:3 - Error during parsing: unknown policy 'Random' (did you mean 'random'?)",
    ],
    ['health_check -5s', "health_check can't be negative: -5000000000"],
    ['health_check 5s sometimes', 'health_check: unknown option sometimes'],
    ['health_check 5s domain a..b', 'health_check: invalid domain name a..b'],
    ['next NOPE', 'NOPE is not a valid rcode'],
    ['failover NOPE', 'NOPE is not a valid rcode'],
    ['failover noerror', 'NoError cannot be used in failover'],
    ['source_address eth0', 'not an IP address: "eth0"'],
    ['resolver dns.example', 'not an IP address: "dns.example"'],
    ['tls a b c d', `Corefile:3 - Error during parsing: ${ARGUMENTS}'d'`],
    ['tls /no/ca', 'error reading /no/ca: open /no/ca: no such file or directory'],
    ['tls /no/c /no/k', 'could not load TLS cert: open /no/c: no such file or directory'],
    ['tls_servername', `Corefile:3 - Error during parsing: ${ARGUMENTS}'tls_servername'`],
    ['doh_method', `Corefile:3 - Error during parsing: ${ARGUMENTS}'doh_method'`],
    ['doh_method PUT', 'doh_method must be either POST or GET'],
    ['doh_method post', 'doh_method must be either POST or GET'],
    ['max_age', `Corefile:3 - Error during parsing: ${ARGUMENTS}'max_age'`],
    ['max_age -1s', "max_age can't be negative: -1s"],
    ['max_age soon', 'time: invalid duration "soon"'],
    ['max_age 9s', 'max_age (9s) must not be less than expire (10s)'],
    [
      'force_tpc',
      "Corefile:3 - Error during parsing: unknown property 'force_tpc' (did you mean 'force_tcp'?)",
    ],
    ['fastest', "Corefile:3 - Error during parsing: unknown property 'fastest'"],
    ['except', `Corefile:3 - Error during parsing: ${ARGUMENTS}'except'`],
    ['force_tcp yes', `Corefile:3 - Error during parsing: ${ARGUMENTS}'yes'`],
    ['health_check', `Corefile:3 - Error during parsing: ${ARGUMENTS}'health_check'`],
    ['health_check 5s domain', `Corefile:3 - Error during parsing: ${ARGUMENTS}'domain'`],
    ['next', `Corefile:3 - Error during parsing: ${ARGUMENTS}'next'`],
  ]
  for (const [option, message] of options) {
    test(option, () => {
      assert.equal(
        errorOf(`forward . 10.0.0.1 {
${option}
}`),
        full(3, message),
      )
    })
  }
})

test('max_age is held against expire, whichever comes first', () => {
  const age = (lines: string): number => configOf(`forward . 10.0.0.1 {\n${lines}\n}`).maxAge
  assert.equal(age('max_age 30s'), 30_000)
  assert.equal(age('expire 10s\nmax_age 10s'), 10_000)
  assert.equal(age('max_age 0s'), 0)
  assert.equal(
    errorOf('forward . 10.0.0.1 {\nmax_age 10s\nexpire 30s\n}'),
    full(3, 'max_age (10s) must not be less than expire (30s)'),
  )
})

test('an upstream has one name', () => {
  const clash = (to: string): string => errorOf(`forward . ${to} {\ntls_servername foo\n}`)
  assert.equal(
    clash('10.0.0.1 tls://127.0.0.1%example.net:854'),
    full(
      2,
      "both forward ('foo') and proxy level ('example.net') TLS servernames are set for upstream " +
        "proxy 'tls://127.0.0.1:854'",
    ),
  )
  assert.match(clash('tls://[::1%example.net]:853'), /upstream proxy 'tls:\/\/\[::1\]:853'$/)
  const config = configOf(
    'forward . tls://dns.example https://10.0.0.1%a.b {\ntls_servername foo\n}',
  )
  assert.equal(config.serverName, 'foo')
})

test('a file without nameservers is refused with file, line and remedy', (t) => {
  const path = join(temporaryFolder(t), 'resolv.conf')
  writeFileSync(path, 'search example.com\n')
  const begin = (): unknown =>
    setup(`forward . ${path}`, new KeptStates().open(), new Clock(), new LogLines())
  assert.throws(begin, {
    message:
      `Corefile:2 - plugin/forward: no nameservers found in "${path}": add a line ` +
      '"nameserver ADDRESS" to it, or write the addresses of the upstreams instead of the file',
  })
  assert.throws(
    () => setup('forward . /tmp', new KeptStates().open(), new Clock(), new LogLines()),
    {
      message:
        'Corefile:2 - plugin/forward: cannot read nameservers from "/tmp": is a directory; ' +
        'make it readable, or write the addresses of the upstreams instead of the file',
    },
  )
})

test('FROM as a prefix that spans several zones takes the first, with a warning', () => {
  const log = new LogLines()
  setup('forward 10.0.0.0/15 10.0.0.1', new KeptStates().open(), new Clock(), log)
  assert.deepEqual(log.lines, [
    "[WARNING] Corefile:2 - '10.0.0.0/15' stands for several zones, of which only " +
      "'0.10.in-addr.arpa.' is forwarded, not 1.10.in-addr.arpa.",
  ])
})

test('describe() shows upstreams and settings in effect', (t) => {
  const path = join(temporaryFolder(t), 'resolv.conf')
  writeFileSync(path, 'nameserver 10.0.0.1\nnameserver fd00::1\n')
  const body = `forward . ${path} 10.0.0.2:5353 dns.example {\nforce_tcp\nmax_concurrent 10\n}`
  const stage = setup(body, new KeptStates().open(), new Clock(), new LogLines())
  assert.deepEqual(stage.describe?.(), [
    'from .',
    `to 10.0.0.1:53 [fd00::1]:53 (from ${path})`,
    'to 10.0.0.2:5353',
    'to dns.example port 53 (resolved at start)',
    'transport TCP',
    'policy random',
    'expire 10s',
    'read_timeout 2s',
    'max_connect_attempts two for each upstream',
    'health_check 500ms for ., down after more than 2 failures',
    'max_idle_conns without a bound',
    'max_concurrent 10',
  ])
})

test('describeConfig() shows every option that is set', () => {
  const config = configOf(`forward . 10.0.0.1 {
    prefer_udp
    max_fails 0
    except a.test
    next NXDOMAIN
    next_on_nodata
    failover REFUSED
    source_address 10.0.0.9
    read_timeout 700ms
    max_connect_attempts 3
    max_idle_conns 4
    failfast_all_unhealthy_upstreams
    resolver 10.0.0.8 10.0.0.7:5353
  }`)
  assert.deepEqual(describeConfig(config, ['10.0.0.1:53']).slice(2), [
    'except a.test.',
    'transport UDP',
    'policy random',
    'expire 10s',
    'read_timeout 700ms',
    'max_connect_attempts 3',
    'health_check off (max_fails 0)',
    'max_idle_conns 4',
    'max_concurrent not set: the built-in limit',
    'next NXDOMAIN',
    'next_on_nodata',
    'failover REFUSED',
    'failfast_all_unhealthy_upstreams',
    'source_address 10.0.0.9',
    'resolver 10.0.0.8:53 10.0.0.7:5353',
  ])
  const checked = configOf('forward . 10.0.0.1 {\nhealth_check 5s no_rec domain a.test\n}')
  assert.equal(
    describeConfig(checked, []).find((line) => line.startsWith('health_check')),
    'health_check 5s for a.test., no_rec, down after more than 2 failures',
  )
})

import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { version } from '../../../src/lib/version.ts'
import { type DnstapConfig, readConfigs } from '../../../src/plugins/dnstap/config.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'

function read(lines: string): readonly Readonly<DnstapConfig>[] {
  return readConfigs(directivesOf('dnstap', lines), assert.fail)
}

const defaults: DnstapConfig = {
  listens: false,
  transport: 'unix',
  address: 'dnstap.sock',
  full: false,
  writeBuffer: 1,
  queue: 1,
  identity: hostname(),
  version: `dnslet-${version()}`,
  extra: '',
  skipVerify: false,
  tls: null,
}
const tcp = { transport: 'tcp', address: '127.0.0.1:6000' } as const
const tls = { transport: 'tls', address: '127.0.0.1:6000' } as const
const pair = { cert: '/c.pem', key: '/k.pem' }

test('every form of the directive', () => {
  const rows: readonly (readonly [string, ...Partial<DnstapConfig>[]])[] = [
    ['dnstap dnstap.sock full', { full: true }],
    ['dnstap dnstap.sock half', {}],
    ['dnstap unix://dnstap.sock', {}],
    ['dnstap tcp://127.0.0.1:6000', tcp],
    ['dnstap tcp://[::1]:6000', { transport: 'tcp', address: '[::1]:6000' }],
    ['dnstap tcp://example.com:6000/x', { transport: 'tcp', address: 'example.com:6000' }],
    ['dnstap tls://127.0.0.1:6000 {\nskipverify\n}', { ...tls, skipVerify: true }],
    [
      'dnstap dnstap.sock full {\nidentity NAME\nversion VER\nextra EXTRA\n}',
      { full: true, identity: 'NAME', version: 'VER', extra: 'EXTRA' },
    ],
    ['dnstap dnstap.sock full 1024 2048', { full: true, writeBuffer: 1024, queue: 2048 }],
    ['dnstap listen tcp://127.0.0.1:6000', { ...tcp, listens: true }],
    ['dnstap listen /tmp/tap.sock full', { address: '/tmp/tap.sock', listens: true, full: true }],
    [
      'dnstap listen tls://127.0.0.1:6000 {\ntls /c.pem /k.pem\n}',
      { ...tls, listens: true, tls: { ...pair, ca: null } },
    ],
    [
      'dnstap listen tls://127.0.0.1:6000 full {\ntls /c.pem /k.pem /ca.pem\nskipverify\n}',
      { ...tls, listens: true, full: true, skipVerify: true, tls: { ...pair, ca: '/ca.pem' } },
    ],
    [
      'dnstap dnstap.sock full {\nidentity A\n}\ndnstap listen tcp://127.0.0.1:6000',
      { full: true, identity: 'A' },
      { ...tcp, listens: true },
    ],
  ]
  for (const [lines, ...expected] of rows) {
    const all = expected.map((one) => ({ ...defaults, ...one }))
    assert.deepEqual(read(lines), all, lines)
  }
})

test('what is wrong is named as in CoreDNS, with file and line', () => {
  const argument = (at: string): string =>
    `Wrong argument count or unexpected line ending after '${at}'`
  const rows = [
    ['dnstap', 2, argument('dnstap')],
    ['dnstap {\nidentity NAME\n}', 2, argument('dnstap')],
    ['dnstap listen', 2, 'dnstap listen requires an endpoint argument'],
    ['dnstap d.sock {\nidentity\n}', 3, argument('identity')],
    ['dnstap d.sock {\nversion\n}', 3, argument('version')],
    ['dnstap d.sock {\nextra\n}', 3, argument('extra')],
    [
      'dnstap d.sock {\nidentitiy NAME\n}',
      3,
      "unknown property 'identitiy' (did you mean 'identity'?)",
    ],
    [
      'dnstap d.sock full 1025 1',
      2,
      'dnstap: MultipleTcpWriteBuf must be between 1 and 1024 (MiB units): 1025',
    ],
    [
      'dnstap d.sock full 1 4097',
      2,
      'dnstap: MultipleQueue must be between 1 and 4096 (x10k messages): 4097',
    ],
    [
      'dnstap d.sock full 0 10',
      2,
      'dnstap: MultipleTcpWriteBuf must be between 1 and 1024 (MiB units): 0',
    ],
    [
      'dnstap d.sock full 10 0',
      2,
      'dnstap: MultipleQueue must be between 1 and 4096 (x10k messages): 0',
    ],
    [
      'dnstap listen d.sock full x 10',
      2,
      'dnstap: invalid MultipleTcpWriteBuf "x": strconv.Atoi: parsing "x": invalid syntax',
    ],
    [
      'dnstap d.sock full 10 y',
      2,
      'dnstap: invalid MultipleQueue "y": strconv.Atoi: parsing "y": invalid syntax',
    ],
    ['dnstap d.sock {\ntls /c /k\n}', 3, 'tls directive only valid for listeners'],
    ['dnstap listen d.sock {\ntls /c\n}', 3, 'tls requires cert and key file paths'],
  ] as const
  for (const [lines, line, problem] of rows) {
    assert.equal(
      messageOf(() => read(lines)),
      `plugin/dnstap: Corefile:${line} - Error during parsing: ${problem}`,
    )
  }
})

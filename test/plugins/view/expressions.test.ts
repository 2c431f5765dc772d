import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { view } from '../../../src/plugins/view/index.ts'
import type { Metadatum, Stage } from '../../../src/serve/plugin.ts'
import { Protocol } from '../../../src/serve/query.ts'
import { Class, Type } from '../../../src/wire/codes.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { message, opt, type TestMessage } from '../../wire/message.ts'

class Client extends FakeTarget {
  readonly #address: string

  constructor(address: string, protocol: Protocol) {
    super(protocol)
    this.#address = address
  }

  override remoteAddress(): string {
    return this.#address
  }
}

interface Asked extends TestMessage {
  readonly client?: string
  readonly protocol?: Protocol
}

function stageOf(
  lines: readonly string[],
  others: readonly Stage[] = [],
  warn: (message: string) => void = () => {},
): Stage {
  const log = { ...nullLog, plugin: () => ({ ...nullLog, warning: warn }) }
  const stages = others.map((stage) => ({ name: 'other', stage }))
  const body = `view a {\n${lines.map((line) => ` expr ${quoted(line)}`).join('\n')}\n}`
  return view.setup(directivesOf('view', body), testBlock({ stages, services: { log } }))
}

/** Outside quotes # begins a comment. */
function quoted(text: string): string {
  return text.includes('#') ? `"${text}"` : text
}

function takes(
  stage: Stage,
  { client = '198.51.100.7', protocol = Protocol.Udp, ...asked }: Asked = {},
): boolean {
  const target = new Client(client, protocol)
  return stage.filter!(accepted(message({ id: 7, name: 'WWW.example.com', ...asked }), target))
}

const edns = [opt({ size: 4096, dnssecOk: true })]

const rows: readonly (readonly [text: string, asked?: Asked])[] = [
  ["type() == 'A'"],
  ["type() in ['A', 'AAAA']", { type: Type.AAAA }],
  ["type() == 'TYPE65280'", { type: 65_280 }],
  ["name() == 'www.example.com.'"],
  [String.raw`name() matches '^www\\..*\\.com\\.$'`],
  ["class() == 'CH'", { class: Class.CH }],
  ["proto() == 'udp'"],
  ["proto() == 'tcp'", { protocol: Protocol.Tcp }],
  ['size() == 33'],
  ["client_ip() == '198.51.100.7'"],
  ["client_ip() == 'fd00::7'", { client: 'fd00::7' }],
  ["port() == '40000'"],
  ['id() == 7 && opcode() == 0'],
  ['!do() && bufsize() == 512'],
  ['do() && bufsize() == 4096', { additional: edns }],
  ['bufsize() == 65535', { additional: edns, protocol: Protocol.Tcp }],
  ["server_ip() == '192.0.2.53' && server_port() == '53'"],
  ["incidr(client_ip(), '198.51.100.0/24')"],
  ["incidr(client_ip(), '198.51.100.9/24')"],
  ["incidr(client_ip(), '0.0.0.0/0') && !incidr(client_ip(), '::/0')"],
  ["incidr(client_ip(), '198.51.100.4/30') && !incidr(client_ip(), '198.51.100.0/30')"],
  ["incidr(client_ip(), '198.51.100.7/32')"],
  ["incidr(client_ip(), '::ffff:198.51.100.0/120')"],
  ["incidr('::ffff:198.51.100.1', '198.51.100.0/24')"],
  ["incidr(client_ip(), 'fd00::/8') && !incidr(client_ip(), '0.0.0.0/0')", { client: 'fd00::7' }],
  ["incidr(client_ip(), 'fe80::/10')", { client: 'fe80::1%eth0' }],
  ["metadata('nobody/knows') == ''"],
  ["any(['a.', 'www.'], {name() startsWith #})"],
]

describe('an expression', () => {
  for (const [text, asked] of rows) {
    test(`${text} is true`, () => {
      assert.equal(takes(stageOf([text], [], assert.fail), asked), true)
      assert.equal(takes(stageOf([`!(${text})`], [], assert.fail), asked), false)
    })
  }

  test('that has no value takes no query, and says so once', () => {
    const said: string[] = []
    const failing = [
      ["incidr('nowhere', '10.0.0.0/8')", 'first argument is not an IP address'],
      ["incidr(client_ip(), '10.0.0.0')", 'invalid CIDR address: 10.0.0.0'],
      ["incidr(client_ip(), '10.0.0.0/33')", 'invalid CIDR address: 10.0.0.0/33'],
      ['1 % (size() - 33) == 0', 'divide by zero'],
    ] as const
    for (const [text, reason] of failing) {
      const stage = stageOf([text], [], (line) => said.push(line))
      assert.deepEqual([takes(stage), takes(stage)], [false, false])
      const [line = '', ...more] = said.splice(0)
      assert.deepEqual(more, [])
      assert.ok(line.includes(text) && line.includes(reason), line)
    }
  })

  test('that is no bool takes no query', () => {
    for (const text of ['1', 'name()', "['a'][0]"]) assert.equal(takes(stageOf([text])), false)
  })

  test('may look for a network in many texts, and takes no more memory for them', () => {
    const stage = stageOf(["incidr(client_ip(), string(id()) + '.0.0.0/8')"])
    for (let id = 0; id < 1000; id++) assert.equal(takes(stage, { id }), id === 198)
  })
})

test('all expressions of a view have to be true; without any it takes all', () => {
  const both = stageOf(["type() == 'A'", "name() endsWith '.com.'"])
  assert.equal(takes(both), true)
  assert.equal(takes(both, { type: Type.AAAA }), false)
  assert.equal(takes(both, { name: 'example.org' }), false)
  assert.equal(takes(stageOf([])), true)
})

test('metadata() is what plugins of the block publish, where it is collected', () => {
  const known: Metadatum = { label: 'test/client', of: (q) => `client of ${q.target.localPort}` }
  const line = "metadata('test/client') == 'client of 53'"
  assert.equal(takes(stageOf([line], [{ metadata: [known] }])), false)
  assert.equal(takes(stageOf([line], [{ metadata: [known], collects: () => true }])), true)
  assert.equal(takes(stageOf([line], [{ metadata: [known], collects: () => false }])), false)
})

test('the block has the name of the view, and queries pass it', () => {
  const directives = directivesOf('view', 'view inside {\n expr true\n}')
  assert.equal(view.viewName?.(directives), 'inside')
  assert.equal(view.viewName?.(directivesOf('view', 'view')), '')
  const stage = stageOf(['true', 'do()'])
  assert.deepEqual(stage.describe!(), ['a', 'if true', 'if do()'])
  const next = (): void => {}
  assert.equal(stage.wrap!(next, next), next)
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { template } from '../../../src/plugins/template/index.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'

const zones = ['domain.com.', 'dynamic.domain.com.']

function setup(body: string, warned: string[] = []): readonly string[] {
  const warning = (text: string): void => void warned.push(text)
  const log = { ...nullLog, plugin: () => ({ ...nullLog, warning }) }
  const block = testBlock({ zones, services: { log } })
  return template.setup(directivesOf('template', body), block).describe!()
}

const block = (...lines: readonly string[]): string => `template ANY ANY {\n${lines.join('\n')}\n}`

/** Bodies, and what is wrong with each, of CoreDNS's own tests and of each rule. */
const refused: readonly (readonly [body: string, line: number, problem: string])[] = [
  ['template', 2, "Wrong argument count or unexpected line ending after 'template'"],
  ['template X', 2, 'invalid query class X'],
  ['template in A', 2, 'invalid query class in'],
  ['template toString A', 2, 'invalid query class toString'],
  ['template CLASS1 A', 2, 'invalid query class CLASS1'],
  ['template ANY', 2, "Wrong argument count or unexpected line ending after 'ANY'"],
  ['template ANY X', 2, 'invalid RR class X'],
  ['template ANY a', 2, 'invalid RR class a'],
  ['template ANY TYPE65', 2, 'invalid RR class TYPE65'],
  [block('notavailable'), 3, "ending after 'notavailable'"],
  [block('expr true'), 3, "Wrong argument count or unexpected line ending after 'expr'"],
  [block('var x 1'), 3, "Wrong argument count or unexpected line ending after 'var'"],
  [block('match'), 3, "Wrong argument count or unexpected line ending after 'match'"],
  [block('answer'), 3, "Wrong argument count or unexpected line ending after 'answer'"],
  [block('additional'), 3, "Wrong argument count or unexpected line ending after 'additional'"],
  [block('authority'), 3, "Wrong argument count or unexpected line ending after 'authority'"],
  [block('rcode'), 3, "Wrong argument count or unexpected line ending after 'rcode'"],
  [block('ederror'), 3, "Wrong argument count or unexpected line ending after 'ederror'"],
  [block('ederror too many arguments'), 3, "unexpected line ending after 'arguments'"],
  [block('rcode UNDEFINED'), 3, 'unknown rcode UNDEFINED'],
  [block('rcode nxdomain'), 3, 'unknown rcode nxdomain'],
  [block('rcode RCODE3'), 3, 'unknown rcode RCODE3'],
  [block('rcode 3'), 3, 'unknown rcode 3'],
  [block('match a ('), 3, 'could not parse regex: (, error parsing regexp: missing closing ): `(`'],
  [block(`match ${'a'.repeat(10_001)}`), 3, 'regex pattern too long: 10001 > 10000'],
  [block('answer "{{"'), 3, 'could not compile template: {{, template: answer:1: unclosed action'],
  [
    block('additional "{{"'),
    3,
    'could not compile template: {{, template: additional:1: unclosed action',
  ],
  [
    block('rcode NXDOMAIN', 'authority x "{{ y }}"'),
    4,
    'could not compile template: {{ y }}, template: authority:1: function "y" not defined',
  ],
  [
    block('ederror invalid "Blocked"'),
    3,
    'error parsing extended DNS error code invalid, strconv.ParseUint: parsing "invalid": invalid syntax',
  ],
  [block('ederror 65536'), 3, 'strconv.ParseUint: parsing "65536": value out of range'],
  [block('ederror -1'), 3, 'strconv.ParseUint: parsing "-1": invalid syntax'],
  [block(`ederror 1 ${'x'.repeat(65_534)}`), 3, 'extended DNS error beyond 65533 octets'],
]

const ip = '(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)'

const accepted: readonly (readonly [body: string, described: string])[] = [
  ['template ANY ANY', 'ANY ANY, names in domain.com. dynamic.domain.com.: NOERROR and 0 records'],
  ['template ANY ANY (?P<x>', 'ANY ANY, names in \\(?p<x>.: NOERROR and 0 records'],
  ['template ANY ANY x {\n\n}', 'ANY ANY, names in x.: NOERROR and 0 records'],
  ['template CH TXT 10.0.0.0/8', 'CH TXT, names in 10.in-addr.arpa.: NOERROR and 0 records'],
  ['template IN NSAP-PTR x', 'IN NSAP-PTR, names in x.: NOERROR and 0 records'],
  ['template IN NXNAME x', 'IN NXNAME, names in x.: NOERROR and 0 records'],
  ['template IN A x { rcode NXDOMAIN }', 'IN A, names in x.: NXDOMAIN and 0 records'],
  ['template IN A x {\nrcode BADSIG\n}', 'IN A, names in x.: BADVERS and 0 records'],
  ['template IN A x {\nrcode NOTIMPL\n}', 'IN A, names in x.: NOTIMP and 0 records'],
  [
    'template IN A x {\nrcode REFUSED\nrcode YXRRSET\n}',
    'IN A, names in x.: YXRRSET and 0 records',
  ],
  ['template IN A x {\nmatch .*\n}', 'IN A, names in x.: NOERROR and 0 records'],
  ['template IN A x {\nupstream a b\nederror 0\n}', 'IN A, names in x.: NOERROR and 0 records'],
  [
    block(...['answer', 'additional', 'authority'].map((section) => `${section} "{{ .Name }}"`)),
    'ANY ANY, names in domain.com. dynamic.domain.com.: NOERROR and 3 records',
  ],
  [
    `template ANY A example.com {
      match ip-${ip}[.]example[.]com other
      answer "{{ .Name }} A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Grup.d }}." "{{ .Zone }} A 192.0.2.1"
      fallthrough
    }`,
    'ANY A, names that match in example.com.: NOERROR and 2 records',
  ],
  [
    `template IN ANY example.com {
      match "[.](example[.]com[.]dc1[.]example[.]com[.])$"
      rcode NXDOMAIN
      authority "{{ index .Match 1 }} 60 IN SOA ns.{{ index .Match 1 }} hostmaster.example.com (1 60 60 60 60)"
      ederror 21 "Blocked according to RFC2606"
      fallthrough example.com
    }`,
    'IN ANY, names that match in example.com.: NXDOMAIN and 1 record',
  ],
]

describe('template in a Corefile', () => {
  for (const [body, line, problem] of refused) {
    test(`is refused: ${body.slice(0, 60).replaceAll('\n', ' ')}`, () => {
      const said = messageOf(() => void setup(body)) ?? ''
      const start = `plugin/template: Corefile:${line} - Error during parsing: `
      assert.ok(said.startsWith(start) && said.includes(problem), said)
    })
  }

  for (const [body, described] of accepted) {
    test(`is accepted: ${body.slice(0, 60).replaceAll('\n', ' ')}`, () => {
      assert.deepEqual(setup(body), [described])
    })
  }

  test('may stand several times, and all mistakes are told', () => {
    assert.equal(setup('template IN A\ntemplate IN MX a').length, 2)
    const said = messageOf(() => void setup('template IN A\ntemplate IN X\ntemplate X'))
    assert.match(said!, /Corefile:3 - .*invalid RR class X/)
  })

  test('warns of records that are none, whatever the query, and of words that are no zones', () => {
    const warned: string[] = []
    const body = [
      'template IN A a..b {',
      'answer "{{ .Name }} 60 IN A 192.0.2"',
      'authority "{{ parseInt \\"x\\" 10 8 }}"',
      'additional "{{ .Zone }} 60 IN A 192.0.2"',
      'additional "{{ .Name }} 60 IN A 192.0.2.1"',
      '}',
    ].join('\n')
    setup(body, warned)
    const failing = 'every query that matches will get SERVFAIL'
    assert.deepEqual(warned.slice(1), [
      `Corefile:3 - ${failing}: dns: bad A data: "192.0.2"`,
      `Corefile:4 - ${failing}: template: authority:1:3: executing "authority" at <parseInt "x" 10 8>: error calling parseInt: strconv.ParseUint: parsing "x": invalid syntax`,
    ])
    assert.match(warned[0]!, /^Corefile:2 - 'a\.\.b' is ignored/)
  })
})

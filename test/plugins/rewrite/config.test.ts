import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CorefileError, everyError } from '../../../src/corefile/error.ts'
import { readConfig } from '../../../src/plugins/rewrite/config.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'

/** The error for `rewrite <body>`, without file, line and plugin; undefined where it is accepted. */
function problemOf(body: string): string | undefined {
  const message = messageOf(() => readConfig(directivesOf('rewrite', `rewrite ${body}`)))
  return message?.replace(/^Corefile:\d+ - (?:plugin\/rewrite: )?/, '')
}

const accepted: readonly string[] = [
  'name a.com b.com',
  'name exact a.com b.com',
  'NAME Exact a.com b.com',
  'name prefix a.com b.com',
  'name suffix a.com b.com',
  'name substring a.com b.com',
  'name regex ([a])\\.com new-{1}.com',
  'name regex (dns)\\.(core) {2}.{1} answer name (core)\\.(dns) {2}.{1}',
  'name regex (dns)\\.(core) {2}.{1} answer name (core)\\.(dns) {2}.{1} value (a) {1}',
  'name regex (dns) {1} answer name (a) {1} answer value (b) {1}',
  'name substring fcore.dns dns.fcore answer name (fcore)\\.(dns) {2}.{1}',
  'name suffix .a .b answer auto',
  'name suffix .a .b answer auto value (x) {1}',
  'name exact a b answer value (x) {1}',
  'stop name a.com b.com',
  'continue name a.com b.com',
  'Continue name a.com b.com',
  'stop {\nname regex foo bar\nanswer name bar foo\n}',
  'stop {\nname regex foo bar\nanswer name bar foo }',
  'continue {\nttl regex (.*)\\.coredns\\.rocks 15\n}',
  '{\nname a b\n}',
  'name {\na b\n}',
  'type any a',
  'type ANY HINFO',
  'type NSAP-PTR PTR',
  'class ch in',
  'stop class ch in',
  'ttl a.test 15',
  'ttl exact a.test 30-300',
  'ttl prefix a.test -30',
  'ttl suffix a.test 30-',
  'ttl substring a.test 0-4294967295',
  'ttl regex (.*) 007',
  'rcode a.test SERVFAIL NOERROR',
  'rcode regex (.*) 2 0',
  'rcode suffix .test nxdomain BADSIG',
  'rcode prefix a 11 23',
  'rcode substring a 0 1',
  'cname a.test b.test',
  'cname regex (.*).cdn.example.net. {1}.other.cdn.com.',
  'cname suffix a b',
  'edns0 local set 65518 abcdefg',
  'edns0 local set 0xffee abcdefg',
  'edns0 local set 0xffee abcdefg revert',
  'edns0 local append 0b11 abcdefg revert',
  'edns0 local replace 0o17 0x61626364',
  'edns0 local set 017 0x',
  'edns0 local unset 0xf_fee',
  'edns0 nsid set',
  'edns0 nsid set revert',
  'edns0 NSID Append revert',
  'edns0 nsid replace',
  'edns0 nsid unset',
  ...['qname', 'qtype', 'client_ip', 'client_port', 'protocol', 'server_ip', 'server_port'].map(
    (name) => `edns0 local set 0xffee {${name}} revert`,
  ),
  'edns0 local append 0xffee {some-plugin/some-label}',
  'edns0 subnet set 24 56',
  'edns0 subnet append 0 128 revert',
  'edns0 subnet replace 32 0x10',
  'edns0 subnet unset',
  'continue edns0 subnet set 24 56',
]

/** Bodies and what is wrong with them, in CoreDNS's words. */
const refused: readonly (readonly [body: string, problem: string])[] = [
  ['', 'no rule type specified for rewrite'],
  ['{\n}', 'no rule type specified for rewrite'],
  ['foo', 'invalid rule type "foo"'],
  ['stop foo a b', 'invalid rule type "stop"'],
  ['unknown-action name a.com b.com', 'invalid rule type "unknown-action"'],
  ['stop', 'stop rule must begin with a rule type'],
  ['continue', 'continue rule must begin with a rule type'],
  ['name', 'too few arguments for a name rule'],
  ['name a.com', 'too few arguments for a name rule'],
  [
    'name a.com b.com c.com',
    'name rule supports only exact, prefix, suffix, substring, and regex name matching, received: a.com',
  ],
  ['name substring a.com b.com c.com', 'invalid arguments for substring rule'],
  ['name regex ([a]\\.com new-{1}.com', 'invalid regex matching pattern: ([a]\\.com'],
  [
    'name regex (a) {1}{2}',
    'the rewrite regex pattern ({1}{2}) uses more subexpressions than its corresponding matching regex pattern ((a))',
  ],
  [
    'name regex a {0}',
    'the rewrite regex pattern ({0}) uses more subexpressions than its corresponding matching regex pattern (a)',
  ],
  [
    'name a{1} b',
    'the rewrite regex pattern (a{1}.) uses more subexpressions than its corresponding matching regex pattern (b.)',
  ],
  ['name a *.b', 'invalid regex matching pattern: *.b.'],
  [`name regex ${'a'.repeat(10_001)} b`, 'regex pattern too long: 10001 > 10000'],
  [
    'name regex (a) {1} NoAnswer name (b) {1}',
    'exceeded the number of arguments for a non-answer rule argument for regex rule',
  ],
  ['name regex (a) {1} answer ttl (b) {1}', 'invalid type "ttl" for answer rule for regex rule'],
  [
    'name regex (a) {1} answer name (b) {1} too.long way.too.long',
    'invalid type "too.long" for answer rule for regex rule',
  ],
  ['name regex (a) {1} answer name (b)', 'name answer rule for regex rule: 2 arguments required'],
  ['name regex (a) {1} answer value', 'value answer rule for regex rule: 2 arguments required'],
  [
    'name regex (a) {1} answer name (b {1}',
    'name answer rule for regex rule: invalid regex matching pattern: (b',
  ],
  ['name suffix a b answer auto answer', 'type missing for answer rule for suffix rule'],
  [
    'name suffix a b answer auto answer name (a) {1}',
    'auto name answer rule cannot be combined with explicit name anwer rules',
  ],
  [
    'stop {\nname regex foo bar\nanswer name bar foo\nname baz\n}',
    'name answer rule for regex rule: 2 arguments required',
  ],
  [
    'stop {\nanswer name bar foo\nname regex foo bar\n}',
    'response rewrites must begin with a name rule',
  ],
  ['answer name a b', 'response rewrites must begin with a name rule'],
  ['stop name regex [bad[ bar answer name bar foo', 'invalid regex matching pattern: [bad['],
  ['type', 'type rules must have exactly two arguments'],
  ['type a', 'type rules must have exactly two arguments'],
  ['type any a a', 'type rules must have exactly two arguments'],
  ['type XY WV', 'invalid type "XY"'],
  ['type any wv', 'invalid type "WV"'],
  ['class IN', 'class rules must have exactly two arguments'],
  ['class ch in in', 'class rules must have exactly two arguments'],
  ['class XY WV', 'invalid class "XY"'],
  ['class IN WV', 'invalid class "WV"'],
  ['ttl a', 'too few (1) arguments for a ttl rule'],
  ['ttl a b c 15', "invalid TTL '' for a ttl rule"],
  ['ttl a -', "invalid TTL '-' for a ttl rule"],
  ['ttl a 1-2-3', "invalid TTL '1-2-3' for a ttl rule"],
  ['ttl a 30-20', "invalid TTL '30-20' for a ttl rule"],
  ['ttl a 30s', "invalid TTL '30s' for a ttl rule"],
  ['ttl a x-20', "invalid TTL 'x-20' for a ttl rule"],
  ['ttl a 4294967296', "invalid TTL '4294967296' for a ttl rule"],
  [
    'ttl like a 15',
    'ttl rule supports only exact, prefix, suffix, substring, and regex name matching',
  ],
  ['ttl regex (a 15', 'invalid regex pattern in a ttl rule: (a'],
  [`ttl regex ${'a'.repeat(10_001)} 1`, 'regex pattern too long in a ttl rule: 10001 > 10000'],
  ['rcode a b', 'too few (2) arguments for a rcode rule'],
  ['rcode a OOPS NOERROR', "invalid matching RCODE 'OOPS' for a rcode rule"],
  ['rcode a 24 NOERROR', "invalid matching RCODE '24' for a rcode rule"],
  ['rcode a RCODE12 NOERROR', "invalid matching RCODE 'RCODE12' for a rcode rule"],
  ['rcode a SERVFAIL OOPS', "invalid replacement RCODE 'OOPS' for a rcode rule"],
  ['rcode exact a b SERVFAIL NOERROR', "invalid matching RCODE '' for a rcode rule"],
  [
    'rcode like a SERVFAIL NOERROR',
    'rcode rule supports only exact, prefix, suffix, substring, and regex name matching',
  ],
  ['rcode regex (a SERVFAIL NOERROR', 'invalid regex pattern in a rcode rule: (a'],
  ['cname a', 'too few (1) arguments for a cname rule'],
  ['cname exact a b c', 'too few (4) arguments for a cname rule'],
  ['cname like a b', 'unknown cname rewrite type: like'],
  [
    'cname regex (a b',
    'invalid cname rewrite regex pattern: error parsing regexp: missing closing ): `(a`',
  ],
  ['edns0', 'too few arguments for an EDNS0 rule'],
  ['edns0 local', 'too few arguments for an EDNS0 rule'],
  ['edns0 local set', 'EDNS0 local rules require three or four args'],
  ['edns0 local set 0xffee', 'EDNS0 local rules require three or four args'],
  [
    'edns0 local set invalid-uint abcdefg',
    'strconv.ParseUint: parsing "invalid-uint": invalid syntax',
  ],
  ['edns0 local set 65536 abcdefg', 'strconv.ParseUint: parsing "65536": value out of range'],
  [
    `edns0 local set 1${'0'.repeat(80)} a`,
    `strconv.ParseUint: parsing "1${'0'.repeat(80)}": value out of range`,
  ],
  ['edns0 local set 0xffee 0xabcdefg', "encoding/hex: invalid byte: U+0067 'g'"],
  ['edns0 local set 0xffee 0xabc', 'encoding/hex: odd length hex string'],
  ['edns0 local set 0xffee {dummy}', 'unsupported variable name "{dummy}"'],
  ['edns0 local set 0xffee {/dummy}', 'unsupported variable name "{/dummy}"'],
  [
    `edns0 local set 1 ${'x'.repeat(1021)}`,
    'EDNS0 local data of 1021 octets: there is room for 1020',
  ],
  ['edns0 local foo 0xffee abcdefg', 'invalid action: "foo"'],
  ['edns0 local unset 0xffee abcdefg', 'local unset action requires exactly two arguments'],
  ['edns0 local unset 0xffee revert', 'local unset action requires exactly two arguments'],
  ['edns0 nsid set junk', 'EDNS0 NSID rules can accept no more than one arg'],
  ['edns0 nsid unset revert', 'nsid unset action requires exactly one argument'],
  ['edns0 subnet set 24', 'EDNS0 subnet rules require three or four args'],
  ['edns0 subnet set -1 56', 'strconv.ParseUint: parsing "-1": invalid syntax'],
  ['edns0 subnet set 33 56', 'invalid IPv4 bit mask length 33'],
  ['edns0 subnet set 24 129', 'invalid IPv6 bit mask length 129'],
  ['edns0 subnet unset 24 56', 'subnet unset action requires exactly one argument'],
  ['edns0 unknown-rule-type set', 'invalid rule type "unknown-rule-type"'],
  ['edns0 unknown-rule-type unset', 'invalid rule type "unknown-rule-type"'],
  [
    'name a b answer value (x) {1}',
    'exceeded the number of arguments for a non-answer rule argument for a rule',
  ],
  ['name a b answer auto', 'invalid arguments for a rule'],
  ['name a b {\n}', "Error during parsing: Unexpected token '{', expecting argument"],
]

describe('a rewrite line', () => {
  for (const body of accepted) {
    test(`accepted: ${body}`, () => assert.equal(problemOf(body), undefined))
  }
  for (const [body, problem] of refused) {
    test(`refused: ${body.slice(0, 80)}`, () => {
      assert.equal(problemOf(body)?.replace(/^plugin\/rewrite: Corefile:\d+ - /, ''), problem)
    })
  }

  test('that is wrong is named with its file and line, and so are all others', () => {
    const lines = 'rewrite name a b\nrewrite type a\nrewrite cname x'
    assert.throws(
      () => readConfig(directivesOf('rewrite', lines)),
      (error: CorefileError) => {
        assert.deepEqual(
          everyError(error).map(({ message }) => message),
          [
            'Corefile:3 - plugin/rewrite: type rules must have exactly two arguments',
            'Corefile:4 - plugin/rewrite: too few (1) arguments for a cname rule',
          ],
        )
        return true
      },
    )
  })
})

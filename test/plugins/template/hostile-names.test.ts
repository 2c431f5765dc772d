import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Type } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { recordsOf } from '../../wire/message.ts'
import { Bench } from './harness.ts'

const lines = `template IN TXT {
  match ^((?P<first>[^.]*)[.])+(.*)$
  answer "{{ .Name }} 60 IN TXT \\"{{ .Name }}\\" {{ .Group.first }}"
  authority "x.{{ .Name }} 60 IN NS {{ .Question.Name }}"
  additional "{{ printf \`%s\` .Name }} 60 IN CNAME {{ html .Name }}"
}`

test('names of any octets make sound records or SERVFAIL, and nothing else', () => {
  const bench = new Bench(lines)
  const special = fc.constantFrom(...Buffer.from('\\;"()@$ .*{}\n\0`\'<&'))
  const octet = fc.oneof(fc.integer({ min: 0, max: 255 }), special)
  const label = fc.array(octet, { minLength: 1, maxLength: 63 })
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), (labels) => {
      const escaped = labels.map((octets) =>
        octets.map((o) => `\\${String(o).padStart(3, '0')}`).join(''),
      )
      const size = labels.reduce((sum, octets) => sum + octets.length + 1, 1)
      fc.pre(size <= 255)
      const [reply] = bench.send(escaped.join('.'), { type: Type.TXT }).sent
      const { answerCount, additionalCount, authorityCount } = recordsOf(reply!)
      const counts = [answerCount, authorityCount, additionalCount]
      const failed = (readFlags(reply!) & 15) === 2
      assert.deepEqual(counts, failed ? [0, 0, 0] : [1, 1, 1])
      assert.deepEqual(bench.panics, [])
    }),
    { numRuns: 500 },
  )
})

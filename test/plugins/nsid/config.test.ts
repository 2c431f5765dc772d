import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { nsid } from '../../../src/plugins/nsid/index.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted } from '../../serve/fake-target.ts'
import { message, opt, option } from '../../wire/message.ts'

/** The identifier for a line, or what is wrong with it. */
function idOf(lines: string): string | undefined {
  let id: string | undefined
  const problem = messageOf(() => {
    const stage = nsid.setup(directivesOf('nsid', lines), testBlock())
    const options = option(3, Buffer.alloc(0))
    const q = accepted(message({ additional: [opt({ options })] }))
    stage.wrap!(
      () => {},
      () => {},
    )(q)
    id = q.replyOptions!.subarray(4).toString()
  })
  return id ?? problem
}

test('the identifier is the host name, or DATA with a space between words', () => {
  const rows = [
    ['nsid', hostname()],
    ['nsid "ps0"', 'ps0'],
    ['nsid "tf 2"', 'tf 2'],
    ['nsid Use The Force', 'Use The Force'],
    [`nsid ${'x'.repeat(255)}`, 'x'.repeat(255)],
  ] as const
  for (const [lines, id] of rows) assert.equal(idOf(lines), id)
})

test('a line that is wrong is named', () => {
  const rows = [
    ['nsid\nnsid', 'Corefile:3 - plugin/nsid: this plugin can only be used once per Server Block'],
    [
      'nsid {\n}',
      "plugin/nsid: Corefile:2 - Error during parsing: Unexpected token '{', expecting argument",
    ],
    [
      `nsid ${'x'.repeat(256)}`,
      'Corefile:2 - plugin/nsid: DATA has 256 octets, which is more than 255',
    ],
  ] as const
  for (const [lines, problem] of rows) assert.ok(idOf(lines)?.endsWith(problem), idOf(lines))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bufsize } from '../../../src/plugins/bufsize/index.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted } from '../../serve/fake-target.ts'
import { message, opt, type TestRecord } from '../../wire/message.ts'

/** The bound for replies and the size that the client takes then, or what is wrong with a line. */
function sizesOf(lines: string, additional: readonly TestRecord[] = []): unknown {
  let sizes: unknown
  const problem = messageOf(() => {
    const stage = bufsize.setup(directivesOf('bufsize', lines), testBlock())
    const q = accepted(message({ additional }))
    stage.wrap!(
      () => {},
      () => {},
    )(q)
    sizes = [q.maxUdpSize, q.edns.udpSize]
  })
  return sizes ?? problem
}

test('the size of a client is lowered, never raised', () => {
  assert.deepEqual(sizesOf('bufsize', [opt({ size: 4096 })]), [1232, 1232])
  assert.deepEqual(sizesOf('bufsize 512', [opt({ size: 4096 })]), [512, 512])
  assert.deepEqual(sizesOf('bufsize "1220"', [opt({ size: 800 })]), [1220, 800])
  assert.deepEqual(sizesOf('bufsize 4096', [opt({ size: 65_535 })]), [4096, 4096])
  assert.deepEqual(sizesOf('bufsize +4096'), [4096, 512])
  assert.deepEqual(sizesOf('bufsize 600\nbufsize 700'), [600, 512], 'the first counts')
})

test('a size that is none, or too many of them, is an error', () => {
  for (const args of ['511', '4097', '5000', 'abc123', '-600', '"512 512"', '512 512', '1e3']) {
    const problem = `Wrong argument count or unexpected line ending after '${args.replaceAll('"', '').replace(/^512 512$/, args.startsWith('"') ? '512 512' : '512')}'`
    assert.equal(
      sizesOf(`bufsize ${args}`),
      `plugin/bufsize: Corefile:2 - Error during parsing: ${problem}`,
      args,
    )
  }
  assert.match(String(sizesOf('bufsize 600 {\nmore\n}')), /Unexpected token '{'/)
})

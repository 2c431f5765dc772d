import assert from 'node:assert/strict'
import test from 'node:test'

import { parsePeer, peer } from '../../../bench/servers/peer.ts'

test('parsePeer() splits at the first "=" and at the last "@"', () => {
  assert.deepEqual(parsePeer('x=run --at=a@b -v@5301'), {
    name: 'x',
    command: 'run --at=a@b -v',
    port: 5301,
  })
})

for (const text of ['x', 'x=run', 'run@53', '=run@53', 'x=@53', 'x=run@', 'x=run@70000', 'x=r@0']) {
  test(`parsePeer() rejects "${text}"`, () => {
    assert.throws(() => parsePeer(text), /^Error: Cannot read peer/)
  })
}

test('peer() tells the command its own port and the upstream port', () => {
  const spec = { name: 'x', command: 'run', port: 5301 }
  const { argv, env } = peer(spec, { dir: '/d', port: 5301, upstreamPort: 5300, inOrderPort: 5305 })
  assert.deepEqual(argv, ['sh', '-c', 'exec run'])
  assert.equal(env['BENCH_PORT'], '5301')
  assert.equal(env['BENCH_UPSTREAM_PORT'], '5300')
})

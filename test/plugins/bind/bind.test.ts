import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bind } from '../../../src/plugins/bind/index.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'

test('the stage tells where the block listens, and takes no part in queries', () => {
  const stage = bind.setup(
    directivesOf('bind', 'bind lo {\nexcept ::1\n}\nbind 127.0.0.2'),
    testBlock(),
  )
  assert.deepEqual(stage.addresses, ['127.0.0.1', '127.0.0.2'])
  assert.deepEqual(stage.describe?.(), ['127.0.0.1 127.0.0.2'])
  assert.equal('wrap' in stage, false)
})

test("the daemon's own interface may be named before it is there, and means what it will have", () => {
  const coming = { name: 'nodelocaldns', addresses: ['169.254.20.10', 'fd00::a'] }
  const read = (name: string) =>
    bind.setup(directivesOf('bind', `bind ${name}`), testBlock({ services: { coming } })).addresses
  assert.deepEqual(read('nodelocaldns'), coming.addresses)
  assert.throws(() => read('nodelocaldns1'), { code: 'E_COREFILE_PLUGIN' })
})

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import { fillIn } from '../../../bench/servers/render.ts'
import { environment } from '../../../bench/servers/server.ts'

test('fillIn() replaces every occurrence', () => {
  assert.equal(fillIn('a {$X} {$X} {$Y_1}', { X: '$&', Y_1: '2' }), 'a $& $& 2')
})

test('fillIn() rejects a name without a value', () => {
  assert.throws(() => fillIn('{$NOPE}', {}), /Cannot fill in \{\$NOPE\}: it has no value/)
})

const configs = join(import.meta.dirname, '../../../bench/config')
for (const name of readdirSync(configs)) {
  test(`bench/config/${name} needs no other values than the benchmark gives`, () => {
    const values = environment({ dir: '/d', port: 5301, upstreamPort: 5300, inOrderPort: 5305 })
    const rendered = fillIn(readFileSync(join(configs, name), 'utf8'), values)
    assert.ok(!rendered.includes('{$'))
    assert.ok(rendered.includes('5300'))
  })
}

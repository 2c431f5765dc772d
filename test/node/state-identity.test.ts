import assert from 'node:assert/strict'
import { readlinkSync } from 'node:fs'
import { test } from 'node:test'

import { stateIdentity } from '../../src/node/state.ts'
import { parseArgs } from '../../src/options/options.ts'

function identity(...args: readonly string[]): string {
  const command = parseArgs(args)
  assert.ok(command.kind === 'serve', JSON.stringify(command))
  return JSON.stringify(stateIdentity(command.options))
}

const node = ['-localip', '169.254.25.10,10.233.0.3', '-conf', '/etc/coredns/Corefile'] as const

test('a successor has the identity of its predecessor, whatever its Corefile is', () => {
  assert.equal(identity(...node), identity(...node, '-upstreamsvc', 'other', '-quiet'))
  assert.equal(
    identity(...node),
    identity('-localip', '10.233.0.3,169.254.25.10', '-conf', '/tmp/Corefile'),
    'the order of addresses is none',
  )
  assert.ok(identity(...node).includes(readlinkSync('/proc/self/ns/net')))
})

test('a permanent second one, and one of other addresses, has another', () => {
  const others = [
    ['-skipteardown'],
    ['-health-port', '9256'],
    ['-metrics-listen-address', '127.0.0.1:9355'],
    ['-interfacename', 'second'],
    ['-dns.port', '5353'],
    ['-localip', '169.254.25.10'],
  ]
  const all = [[], ...others].map((more) => identity(...node, ...more))
  assert.equal(new Set(all).size, others.length + 1)
})

test('without addresses of the node the Corefile tells them apart', () => {
  assert.equal(identity('-conf', '/a/Corefile'), identity('-conf', '/a/Corefile'))
  assert.notEqual(identity('-conf', '/a/Corefile'), identity('-conf', '/b/Corefile'))
})

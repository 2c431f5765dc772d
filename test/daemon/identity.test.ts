import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeFiles } from '../../src/corefile/files.ts'
import { parse } from '../../src/corefile/parse.ts'
import { blockIdentity, serverIdentity } from '../../src/daemon/identity.ts'
import { knownDirectives } from '../../src/plugins/index.ts'

test('a server keeps its index for the life of the process', () => {
  const first = serverIdentity('169.254.20.10', 53)
  assert.equal(first.name, 'dns://169.254.20.10:53')
  assert.equal(serverIdentity('', 53).name, 'dns://:53')
  assert.equal(serverIdentity('fd00::a', 53).name, 'dns://[fd00::a]:53')
  assert.equal(serverIdentity('169.254.20.10', 53), first)
  assert.notEqual(serverIdentity('', 53).index, first.index)
})

function identityOf(text: string): string {
  const options = { directives: knownDirectives, env: {}, files: nodeFiles, warn: () => {} }
  return blockIdentity(parse({ file: 'Corefile', text }, options)[0]!)
}

test('what changes no answer leaves the identity alone', () => {
  const plain = identityOf('. {\n cache 30\n forward . 127.0.0.1\n}')
  assert.equal(identityOf('# c\n\n. {\n forward . 127.0.0.1\n cache 30\n}'), plain)
  assert.equal(
    identityOf('. {\n errors\n log\n bind 127.0.0.1\n cache 30\n forward . 127.0.0.1\n}'),
    plain,
  )
  // `cache` knows its own limits and the zones.
  assert.equal(identityOf('a.test {\n cache 31\n forward . 127.0.0.1\n}'), plain)
})

test('what changes answers changes the identity', () => {
  const plain = identityOf('. {\n cache 30\n forward . 127.0.0.1\n}')
  for (const other of [
    '. {\n cache 30\n forward . 127.0.0.2\n}',
    '. {\n cache 30\n forward . 127.0.0.1 {\n  force_tcp\n }\n}',
  ]) {
    assert.notEqual(identityOf(other), plain)
  }
})

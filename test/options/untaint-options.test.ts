import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Command, parseArgs } from '../../src/options/options.ts'

const parse = (...argv: string[]): Command => parseArgs(['untaint', ...argv])

test('untaint asks for the name of the API server and takes a taint that the autoscaler knows', () => {
  const expected = {
    kind: 'untaint',
    options: {
      addresses: ['169.254.20.10', 'fd00::a'],
      port: 53,
      name: 'kubernetes.default.svc.cluster.local.',
      taint: 'startup-taint.cluster-autoscaler.kubernetes.io/dnslet',
    },
  }
  assert.deepEqual(parse('-localip', '169.254.20.10,fd00::a'), expected)
})

test('name and taint can be given', () => {
  const command = parse('-localip=127.0.0.1', '-p', '5300', 'Kubernetes.default.svc.test', 'dns')
  assert.ok(command.kind === 'untaint')
  const { name, port, taint } = command.options
  assert.deepEqual(
    { name, port, taint },
    { name: 'kubernetes.default.svc.test.', port: 5300, taint: 'dns' },
  )
})

test('what cannot be asked or removed is refused', () => {
  const refused = (...argv: string[]): string => {
    const command = parse('-localip', '127.0.0.1', ...argv)
    return command.kind === 'usage-error' ? command.message : assert.fail(command.kind)
  }
  assert.match(refused('a..b'), /"a\.\.b" is no domain name/)
  assert.match(refused('a.b', 'x y'), /"x y" is no key of a taint/)
  assert.match(refused('a.b', 'x=y'), /"x=y" is no key of a taint/)
  assert.match(refused('a.b', 'x', 'y'), /extra command line arguments: \[y\]/)
})

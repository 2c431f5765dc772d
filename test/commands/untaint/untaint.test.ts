import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { untaint } from '../../../src/commands/untaint/index.ts'
import type { UntaintOptions } from '../../../src/options/untaint-options.ts'
import { change, startApiServer } from '../../helpers/api-server.ts'
import { requireTools } from '../../helpers/debian.ts'
import { startFixedDns } from '../../helpers/fixed-dns.ts'

const SERVFAIL = 2
const taint = 'example.com/dns'
const ours = { key: taint, effect: 'NoSchedule' }
const theirs = { key: 'example.com/other', effect: 'NoSchedule' }

function optionsFor(port: number): UntaintOptions {
  return { addresses: ['127.0.0.1'], port, name: 'kubernetes.default.svc.cluster.local.', taint }
}

describe('untaint()', { skip: requireTools('openssl') }, () => {
  test('waits for UDP and TCP, then removes the taint', async (t) => {
    const [server, dns] = [await startApiServer(t), await startFixedDns(t)]
    server.node = change(server.node, { taints: [ours, theirs] })
    dns.udp = dns.tcp = [SERVFAIL, 0]
    const said: string[] = []
    const pauses: number[] = []
    const pause = (ms: number): Promise<void> => {
      assert.deepEqual(server.requests, [], 'nobody asks the API before DNS answers')
      if (pauses.push(ms) === 3) dns.udp = [0, 1]
      if (pauses.length === 8) dns.tcp = [0, 1]
      return Promise.resolve()
    }
    const { env, mount } = server
    await untaint(optionsFor(dns.port), { env, mount, pause, say: (line) => said.push(line) })
    assert.deepEqual(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000])
    assert.deepEqual(said, [
      `Waiting for 127.0.0.1:${dns.port} over UDP: SERVFAIL`,
      `Waiting for 127.0.0.1:${dns.port} over TCP: SERVFAIL`,
      'kubernetes.default.svc.cluster.local. is answered by 127.0.0.1',
      'Taint example.com/dns removed from node worker-1',
    ])
    assert.deepEqual(server.node.spec.taints, [theirs])
  })

  test('tries again after a conflict and while the API server starts', async (t) => {
    const [server, dns] = [await startApiServer(t), await startFixedDns(t)]
    server.node = change(server.node, { taints: [ours] })
    let patches = 0
    server.before = (method) => {
      if (server.requests.length === 1) return 503
      if (method === 'PATCH' && ++patches === 1) {
        server.node = change(server.node, { taints: [ours, theirs] })
      }
      return null
    }
    const said: string[] = []
    const pause = (): Promise<void> => Promise.resolve()
    const { env, mount } = server
    await untaint(optionsFor(dns.port), { env, mount, pause, say: (line) => said.push(line) })
    assert.deepEqual(said.slice(1), [
      'Cannot read node worker-1: scripted 503 (503)',
      'Node worker-1 has just been changed: once more',
      'Taint example.com/dns removed from node worker-1',
    ])
    assert.deepEqual(server.node.spec.taints, [theirs], 'the other change is kept')
  })

  test('ends where a person has to do something', async (t) => {
    const [server, dns] = [await startApiServer(t), await startFixedDns(t)]
    server.before = () => 403
    const { env, mount } = server
    const parts = { env, mount, say: () => {} }
    await assert.rejects(untaint(optionsFor(dns.port), parts), { code: 'E_API_REFUSED' })
  })
})

test('dnslet untaint says in one line what it lacks, exit code 1', () => {
  const bin = join(import.meta.dirname, '../../../bin/dnslet')
  const run = (...args: string[]): string => {
    const { NODE_NAME: _, ...env } = process.env
    const { status, stderr } = spawnSync(bin, ['untaint', ...args], { env, encoding: 'utf8' })
    assert.equal(status, 1)
    return stderr.trim()
  }
  assert.match(run(), /^\[FATAL\] .*-localip is required/)
  assert.match(run('-localip', '127.0.0.1'), /^Cannot untaint: NODE_NAME is not set; .*$/)
})

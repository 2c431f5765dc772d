// A daemon that cannot start, or gets a Corefile it cannot use, never takes the node's DNS with it.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { findTool } from '../helpers/debian.ts'
import { bin } from '../helpers/dnslet.ts'
import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { type Running, waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const BAD = 'cluster.local:53 {\n    no-such-plugin\n}\n'

describe('a daemon that cannot do its work', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'nftables'] as const) {
    test(`${kubeProxy}: a bad Corefile.base at the first start: exit code 1, kube-dns answers`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const dnslet = await model.startDnslet(undefined, { corefile: BAD, ready: false })
      assert.equal(await exitCode(dnslet), 1)
      assert.match(dnslet.output(), /no-such-plugin/)
      await assertKubeDns(model)
    })

    test(`${kubeProxy}: port 53 of another process: exit code 1, kube-dns answers`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const stranger = join(import.meta.dirname, '../helpers/node-race/slow-main.ts')
      const owner = model.spawn('node', [process.execPath, stranger, '0.0.0.0', '9', '0'])
      await waitUntil('the stranger', async () => {
        return (await model.whoAnswers('node', addresses.ipv4.node)) === 'kube-dns-9'
      })
      const dnslet = await model.startDnslet(undefined, { ready: false })
      assert.equal(await exitCode(dnslet), 1)
      // Of a long command line it tells the beginning.
      const who = `process ${owner.pid} \\(${process.execPath} .*\\)`
      const text = `^Cannot serve on port 53: ${who} listens on 0\\.0\\.0\\.0; end it first`
      assert.match(dnslet.output(), new RegExp(text, 'm'))
      assert.equal(existsSync(dnslet.pidfile), false)
      await assertKubeDns(model)
      assert.doesNotMatch((await model.exec('node', ['nft', 'list', 'tables'])).output, /dnslet/)
    })
  }

  test('an address in bind that neither node nor -localip has: exit code 1, kube-dns answers', async (t) => {
    const model = await NodeModel.create(t)
    const corefile = '.:53 {\n    bind 169.254.20.11\n    forward . __PILLAR__CLUSTER__DNS__\n}\n'
    const dnslet = await model.startDnslet(undefined, { corefile, ready: false })
    assert.equal(await exitCode(dnslet), 1)
    assert.match(dnslet.output(), /"No server block listens on 169\.254\.20\.10:53 and /)
    assert.match(dnslet.output(), /^Listen: listen tcp 169\.254\.20\.11:53: bind: cannot assign/m)
    await assertKubeDns(model)
  })

  test('neither nft nor iptables: kube-dns answers', async (t) => {
    const model = await NodeModel.create(t)
    const program = join(model.folder, 'program')
    const nothing = join(model.folder, 'nothing')
    mkdirSync(nothing)
    const tools = dirname(realpathSync(findTool('nft')!))
    // What `ip netns exec` starts has mounts of its own.
    const script = `#!/bin/sh\nmount --bind ${nothing} ${tools} && exec ${bin} "$@"\n`
    writeFileSync(program, script, { mode: 0o755 })
    const dnslet = await model.startDnslet(undefined, { ready: false, program })
    // It says why and ends, or serves without being asked: either way this is over in a second.
    await Promise.race([exitCode(dnslet), delay(2_000)])
    await assertKubeDns(model)
  })

  test('a successor whose upstream does not answer: exit code 1, the running one serves on', async (t) => {
    const model = await NodeModel.create(t)
    const dnslet = await model.startDnslet()
    const env = { KUBE_DNS_UPSTREAM_SERVICE_HOST: addresses.ipv4.node }
    const next = await model.startDnslet(undefined, { ready: false, env })
    assert.equal(await exitCode(next), 1)
    assert.match(next.output(), /^Cannot take over: .* answers SERVFAIL .*; the running dnslet/m)
    assert.equal(dnslet.ended(), null)
    for (const place of ['pod', 'node'] as const) {
      assert.equal(await model.whoAnswers(place, VIP), 'dnslet')
    }
    // And the next one, which is well, takes over.
    await model.startDnslet(undefined, { ready: false })
    await waitUntil('the old one to leave', () => dnslet.ended() !== null)
    assert.equal(dnslet.ended(), 0, dnslet.output())
  })

  test('a bad Corefile.base while running, and at the next start: the last good one serves', async (t) => {
    const model = await NodeModel.create(t)
    const dnslet = await model.startDnslet()
    writeFileSync(dnslet.base, BAD)
    await waitUntil('the log to name the error', () => /no-such-plugin/.test(dnslet.output()))
    assert.equal(await model.whoAnswers('pod', VIP), 'dnslet')
    await dnslet.stop()
    const next = await model.startDnslet(undefined, { corefile: BAD, again: dnslet })
    assert.match(next.output(), /no-such-plugin/)
    assert.equal(await model.whoAnswers('pod', VIP), 'dnslet')
  })
})

async function exitCode(daemon: Running): Promise<number | string | null> {
  await waitUntil('the daemon to end', () => daemon.ended() !== null)
  return daemon.ended()
}

/** Pod and node get their answers, UDP and TCP, from a kube-dns pod. */
async function assertKubeDns(model: NodeModel): Promise<void> {
  for (const place of ['pod', 'node'] as const) {
    for (const transport of ['+notcp', '+tcp']) {
      const who = await model.whoAnswers(place, VIP, transport)
      assert.match(who ?? 'nobody', /^kube-dns-[01]$/, `${place} ${transport}`)
    }
  }
}

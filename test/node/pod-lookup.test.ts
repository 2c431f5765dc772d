import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test } from 'node:test'

import { nodeFiles } from '../../src/corefile/files.ts'
import { parse } from '../../src/corefile/parse.ts'
import { lookUpPods, type Served, upstreamUnrest } from '../../src/node/pod-lookup.ts'
import { forward } from '../../src/plugins/forward/index.ts'
import { Result, Transport, upstreamCounters } from '../../src/upstream/counters.ts'
import type { Owner } from '../helpers/processes.ts'
import { testBlock } from '../helpers/services.ts'

const NAME = 'kube-dns-pods.kube-system.svc.cluster.local.'

interface Upstream {
  readonly port: number
  /** The addresses it has for every name, or the rcode it answers with; null: it is silent. */
  says: readonly string[] | number | null
  asked: number
}

/** Over UDP, for A alone. */
async function startUpstream(owner: Owner): Promise<Upstream> {
  const socket = createSocket('udp4')
  const upstream = { port: 0, says: null as Upstream['says'], asked: 0 }
  socket.on('message', (query, from) => {
    upstream.asked++
    const { says } = upstream
    if (says === null) return
    let end = 12
    while (query[end] !== 0) end += query[end]! + 1
    const records = typeof says === 'number' ? [] : says
    const reply = Buffer.concat([
      query.subarray(0, end + 5),
      ...records.map((address) =>
        Buffer.concat([
          Buffer.from('c00c000100010000001e0004', 'hex'),
          Buffer.from(address.split('.').map(Number)),
        ]),
      ),
    ])
    reply.writeUInt16BE(0x8180 | (typeof says === 'number' ? says : 0), 2)
    reply.fill(0, 6, 12)
    reply[7] = records.length
    socket.send(reply, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  owner.after(() => void socket.close())
  return Object.assign(upstream, { port: socket.address().port })
}

/** A daemon with this Corefile, whose own answers are from another time. */
function daemonOf(text: string): Served {
  const blocks = parse(
    { file: 'Corefile', text },
    {
      directives: ['forward', 'cache'],
      env: {},
      files: nodeFiles,
      warn: () => {},
    },
  )
  const compiled = blocks.map(({ keys, directives }) => {
    const context = testBlock({ zones: keys.map((key) => key.text.replace(/:.*/, '')) })
    const given = directives.get('forward')
    const stages = given === undefined ? [] : [{ stage: forward.setup(given, context) }]
    return { context, stages }
  })
  return {
    runtime: { blocks: compiled },
    lookUp: () => Promise.resolve(['192.0.2.1']),
  } as unknown as Served
}

const blockOf = (zone: string, port: number): string =>
  `${zone} {\n  cache 3600\n  forward . 127.0.0.1:${port} {\n    force_tcp\n  }\n}\n`

describe('lookUpPods()', () => {
  test('asks the upstream of the longest zone, past the cache', async (t) => {
    const [root, cluster] = [await startUpstream(t), await startUpstream(t)]
    const daemon = daemonOf(blockOf('.', root.port) + blockOf('cluster.local.', cluster.port))
    cluster.says = ['10.244.1.10', '10.244.1.11']
    assert.deepEqual(await lookUpPods(daemon, NAME, [4]), cluster.says)
    cluster.says = ['10.244.1.12']
    assert.deepEqual(await lookUpPods(daemon, NAME, [4]), cluster.says)
    assert.deepEqual([root.asked, cluster.asked], [0, 2], 'a question a look')
  })

  test('asks that of the first block where several have this zone', async (t) => {
    const [first, second] = [await startUpstream(t), await startUpstream(t)]
    const daemon = daemonOf(blockOf('.', first.port) + blockOf('.:54', second.port))
    first.says = ['10.244.1.10']
    assert.deepEqual(await lookUpPods(daemon, NAME, [4]), first.says)
    assert.equal(second.asked, 0)
  })

  test('knows none where there are none', async (t) => {
    const upstream = await startUpstream(t)
    const daemon = daemonOf(blockOf('.', upstream.port))
    upstream.says = 3
    assert.deepEqual(await lookUpPods(daemon, NAME, [4, 6]), [])
    upstream.says = []
    assert.deepEqual(
      await lookUpPods(daemon, NAME, [4]),
      [],
      'the name is there, without addresses',
    )
  })

  test('takes what clients get where the upstream does not answer so, or has no address', async (t) => {
    const upstream = await startUpstream(t)
    upstream.says = 2
    const daemon = daemonOf(blockOf('.', upstream.port))
    assert.deepEqual(await lookUpPods(daemon, NAME, [4]), ['192.0.2.1'])
    assert.deepEqual(await lookUpPods(daemonOf('. {\n  cache\n}\n'), NAME, [4]), ['192.0.2.1'])
  })
})

test('upstreamUnrest() is another number after a dial and after a failed attempt', () => {
  const counters = upstreamCounters.get('192.0.2.1:53')
  const seen = [upstreamUnrest()]
  counters.dialled[Transport.Tcp]!++
  seen.push(upstreamUnrest())
  counters.results[Result.Closed]!++
  seen.push(upstreamUnrest())
  counters.results[Result.Reply]!++
  seen.push(upstreamUnrest())
  assert.deepEqual(
    seen.map((one) => one - seen[0]!),
    [0, 1, 2, 2],
  )
})

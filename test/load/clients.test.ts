// Each manner against a server that does as it is told: what goes over the wire, and how a look-up ends.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { openNetwork } from '../../src/load/bench.ts'
import type { Client, Manner, Outcome } from '../../src/load/client.ts'
import { glibc } from '../../src/load/clients/glibc.ts'
import { go } from '../../src/load/clients/go.ts'
import { manners } from '../../src/load/clients/index.ts'
import { musl } from '../../src/load/clients/musl.ts'
import { reopen } from '../../src/load/clients/reopen.ts'
import { serial } from '../../src/load/clients/serial.ts'
import { tcp } from '../../src/load/clients/tcp.ts'
import { PacketCounts } from '../../src/load/packet-counts.ts'
import { resolverConfig, type ResolverConfig } from '../../src/load/resolv-conf.ts'
import { address, answer, type Script, ScriptedServer, type Seen } from './scripted-server.ts'

const NXDOMAIN = 3
const SERVFAIL = 2
const TC = 0x0200
/** Far beyond what an answer on loopback takes; what is lost costs it once or twice. */
const TIMEOUT_MS = 80

const wire = manners.filter(({ name }) => name !== 'system')
const networks = { libc: openNetwork({}), dgram: openNetwork({ DNSLET_UDP: 'dgram' }) }

interface Rig {
  readonly servers: ScriptedServer[]
  readonly server: ScriptedServer
  readonly client: Client
  readonly packets: PacketCounts
  readonly lookUp: (host: string) => Promise<Outcome>
}

/** A look-up's server saw so many ports. The kernel may choose one again, in one of 28,000 runs: then it is made anew. */
async function assertPorts(count: number, look: () => Promise<ScriptedServer>): Promise<void> {
  const ports = (await look()).ports()
  if (ports.size !== count) assert.equal((await look()).ports().size, count)
}

interface RigOptions {
  readonly config?: Partial<ResolverConfig>
  readonly types?: readonly number[]
  readonly network?: keyof typeof networks
  readonly host?: string
}

async function rig(
  t: TestContext,
  manner: Manner,
  scripts: readonly Script[],
  { config = {}, network = 'libc', types = [1, 28], host }: RigOptions = {},
): Promise<Rig> {
  const servers = await Promise.all(scripts.map((script) => ScriptedServer.open(t, script, host)))
  const packets = new PacketCounts()
  const all = {
    ...resolverConfig(''),
    servers: servers.map(({ endpoint }) => endpoint),
    timeoutMs: TIMEOUT_MS,
    ...config,
  }
  const client = manner.create({ config: all, types, sockets: networks[network].sockets, packets })
  t.after(() => client.close())
  const lookUp = (name: string): Promise<Outcome> => {
    return new Promise((resolve) => {
      client.lookUp(name, resolve)
    })
  }
  return { servers, server: servers[0]!, client, packets, lookUp }
}

/** Where nothing is lost, nothing is to be asked twice, however slow the machine is. */
const patient = { timeoutMs: 5_000 }

const good: Script = ({ query }) => [address(query)]
/** Loses the first AAAA. */
const loseOne: Script = ({ before, query, type }) => {
  return type === 28 && before === 0 ? [] : [address(query)]
}

for (const network of ['libc', 'dgram'] as const) {
  describe(`every manner, sockets of ${network}`, () => {
    for (const manner of wire) {
      test(`${manner.name}: an answer`, async (t) => {
        const { lookUp, packets, server } = await rig(t, manner, [good], {
          network,
          config: patient,
        })
        assert.deepEqual(await lookUp('www.example'), { error: null, answer: 'NOERROR' })
        assert.deepEqual(server.asked().toSorted(), ['www.example. A', 'www.example. AAAA'])
        const ids = new Set(server.seen.map(({ query }) => query.readUInt16BE(0)))
        assert.equal(ids.size, 2)
        const { rejected, received, retries, sent } = packets
        assert.deepEqual(
          { received, rejected, retries, sent },
          { received: 2, rejected: 0, retries: 0, sent: 2 },
        )
      })

      test(`${manner.name}: no such name, no data, an error`, async (t) => {
        const script: Script = ({ name, query }) => {
          if (name === 'none.example.') return [answer(query, NXDOMAIN)]
          return [name === 'empty.example.' ? answer(query) : answer(query, SERVFAIL)]
        }
        const { lookUp } = await rig(t, manner, [script], { network })
        assert.deepEqual(await lookUp('none.example.'), { error: null, answer: 'NXDOMAIN' })
        assert.deepEqual(await lookUp('empty.example.'), { error: null, answer: 'NODATA' })
        const outcome = await lookUp('bad.example.')
        if (manner === musl) assert.equal(outcome.error, 'timeout')
        else assert.deepEqual(outcome, { error: 'rcode', answer: 'SERVFAIL' })
      })

      test(`${manner.name}: nobody listens`, async (t) => {
        const { lookUp, server } = await rig(t, manner, [good], { network })
        server.close()
        // An unconnected socket does not hear of it.
        const error = manner === musl ? 'timeout' : 'refused'
        assert.deepEqual(await lookUp('www.example'), { error, answer: null })
      })

      test(`${manner.name}: what is no answer is not taken for one`, async (t) => {
        const script: Script = ({ query }) => {
          const otherId = answer(query, NXDOMAIN)
          otherId[0]! ^= 0xff
          const otherName = answer(query, NXDOMAIN)
          otherName[13]! ^= 0x01
          const noReply = Buffer.from(query)
          return [otherId, otherName, noReply, Buffer.alloc(3), address(query)]
        }
        const { lookUp, packets } = await rig(t, manner, [script], { network })
        assert.equal((await lookUp('www.example')).answer, 'NOERROR')
        assert.ok(packets.rejected >= 4, `${packets.rejected}`)
      })
    }
  })
}

describe('every manner', () => {
  for (const manner of wire) {
    test(`${manner.name}: over IPv6`, async (t) => {
      const { lookUp } = await rig(t, manner, [good], { host: '::1' })
      assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    })

    test(`${manner.name}: a name that cannot be asked`, async (t) => {
      const { lookUp } = await rig(t, manner, [good])
      assert.equal((await lookUp(`${'a'.repeat(64)}.example`)).answer, 'NXDOMAIN')
    })

    test(`${manner.name}: one type alone`, async (t) => {
      const { lookUp, server } = await rig(t, manner, [good], { types: [28], config: patient })
      assert.equal((await lookUp('www.example')).answer, 'NOERROR')
      assert.deepEqual(server.asked(), ['www.example. AAAA'])
    })

    test(`${manner.name}: no DNS message behind the question`, async (t) => {
      const { lookUp } = await rig(t, manner, [({ query }) => [address(query).subarray(0, -3)]])
      assert.deepEqual(await lookUp('www.example'), { error: 'malformed', answer: null })
    })

    test(`${manner.name}: given up, it says nothing`, async (t) => {
      const { client, server } = await rig(t, manner, [() => []])
      client.lookUp('www.example', () => assert.fail('it is over'))
      client.close()
      assert.deepEqual(server.seen, [])
    })
  }

  for (const manner of [glibc, musl, go, serial, reopen]) {
    test(`${manner.name}: an answer that does not fit is asked for over TCP`, async (t) => {
      const script: Script = ({ protocol, query }) => {
        return [protocol === 'udp' ? answer(query, 0, TC) : address(query)]
      }
      const { lookUp, packets, server } = await rig(t, manner, [script])
      assert.equal((await lookUp('www.example')).answer, 'NOERROR')
      assert.ok(packets.connections > 0)
      assert.equal(server.connections, packets.connections)
    })

    test(`${manner.name}: a dead server costs time, the next one answers`, async (t) => {
      const { lookUp, servers } = await rig(t, manner, [() => [], good])
      assert.equal((await lookUp('www.example')).answer, 'NOERROR')
      assert.ok(servers.every(({ seen }) => seen.length > 0))
    })

    test(`${manner.name}: nobody answers`, async (t) => {
      const { lookUp, packets } = await rig(t, manner, [() => []])
      const start = performance.now()
      assert.deepEqual(await lookUp('www.example'), { error: 'timeout', answer: null })
      assert.ok(performance.now() - start > TIMEOUT_MS * 0.9)
      assert.ok(packets.retries > 0)
    })
  }
})

describe('glibc', () => {
  test('both from one port, and from the same one again', async (t) => {
    const { lookUp, server } = await rig(t, glibc, [
      ({ before, query }) => (before === 0 ? [] : good({ query } as Seen)),
    ])
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    assert.equal(server.seen.length, 4)
    assert.equal(server.ports().size, 1)
  })

  test('one of two lost: asked again one after the other, after the whole time-out', async (t) => {
    const { lookUp, packets, server } = await rig(t, glibc, [loseOne])
    const start = performance.now()
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    assert.ok(performance.now() - start > TIMEOUT_MS * 0.9)
    const asked = ['www.example. A', 'www.example. AAAA', 'www.example. A', 'www.example. AAAA']
    assert.deepEqual(server.asked(), asked)
    assert.equal(server.ports().size, 1)
    assert.equal(packets.retries, 2)
  })

  test('one of two lost for good: the last time from another port, and then the other is enough', async (t) => {
    await assertPorts(3, async () => {
      const { lookUp, server } = await rig(t, glibc, [
        ({ query, type }) => (type === 28 ? [] : [address(query)]),
      ])
      assert.equal((await lookUp('www.example')).answer, 'NOERROR')
      assert.equal(server.seen.length, 6)
      return server
    })
  })

  test('a server that fails one question of two: the other answer counts', async (t) => {
    const { lookUp } = await rig(t, glibc, [
      ({ query, type }) => [type === 28 ? answer(query, SERVFAIL) : address(query)],
    ])
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
  })

  test('rotates its servers where it is told to', async (t) => {
    const { lookUp, servers } = await rig(t, glibc, [good, good], {
      config: { ...patient, rotate: true },
    })
    await lookUp('a.example')
    await lookUp('b.example')
    assert.deepEqual(
      servers.map(({ seen }) => seen.length),
      [2, 2],
    )
  })

  test('has the manner of its options', async (t) => {
    const { lookUp, server } = await rig(t, glibc, [good], { config: { ...patient, useVc: true } })
    await lookUp('a.example')
    assert.equal(server.connections, 1)
    await assertPorts(2, async () => {
      const reopening = { config: { ...patient, singleRequestReopen: true } }
      const second = await rig(t, glibc, [good], reopening)
      await second.lookUp('a.example')
      return second.server
    })
    const third = await rig(t, glibc, [loseOne], { config: { singleRequest: true } })
    await third.lookUp('a.example')
    assert.deepEqual(third.server.asked()[0], 'a.example. A')
  })

  test('goes through the search list, past names without data, to the host itself', async (t) => {
    const script: Script = ({ name, query }) => {
      if (name === 'www.example.') return [address(query)]
      return [answer(query, name === 'www.example.a.' ? 0 : NXDOMAIN)]
    }
    const config = { ...patient, search: ['a', 'b.c'], ndots: 5 }
    const { lookUp, server } = await rig(t, glibc, [script], { config })
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    const names = server.seen.filter(({ type }) => type === 1).map(({ name }) => name)
    assert.deepEqual(names, ['www.example.a.', 'www.example.b.c.', 'www.example.'])
    assert.deepEqual(await lookUp('other'), { error: null, answer: 'NXDOMAIN' })
  })

  test('a time-out ends the search, but not that of the host as it is, which came first', async (t) => {
    const config = { search: ['a'], attempts: 1 }
    const lost = await rig(t, glibc, [() => []], { config: { ...config, ndots: 5 } })
    assert.equal((await lost.lookUp('www.example')).error, 'timeout')
    assert.deepEqual(lost.server.asked(), ['www.example.a. A', 'www.example.a. AAAA'])
    const first = await rig(
      t,
      glibc,
      [({ name, query }) => (name === 'www.example.' ? [] : [address(query)])],
      {
        config,
      },
    )
    assert.equal((await first.lookUp('www.example')).answer, 'NOERROR')
  })
})

describe('the remedies', () => {
  test('serial: one after the other, from one port', async (t) => {
    const { lookUp, server } = await rig(t, serial, [good], { config: patient })
    await lookUp('www.example')
    assert.deepEqual(server.asked(), ['www.example. A', 'www.example. AAAA'])
    assert.equal(server.ports().size, 1)
  })

  test('reopen: one after the other, each from a port of its own', async (t) => {
    await assertPorts(2, async () => {
      const { lookUp, server } = await rig(t, reopen, [good], { config: patient })
      await lookUp('www.example')
      assert.deepEqual(server.asked(), ['www.example. A', 'www.example. AAAA'])
      return server
    })
  })

  test('tcp: a connection for each look-up', async (t) => {
    const { lookUp, packets, server } = await rig(t, tcp, [good], { config: patient })
    await lookUp('a.example')
    await lookUp('b.example')
    assert.equal(server.connections, 2)
    assert.equal(packets.connections, 2)
  })
})

describe('musl', () => {
  test('asks all servers at once, from one port, and takes the first answer', async (t) => {
    const { lookUp, packets, servers } = await rig(t, musl, [() => [], good], { config: patient })
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    assert.equal(packets.retries, 0)
    const ports = servers.flatMap((server) => [...server.ports()])
    assert.equal(new Set(ports).size, 1)
  })

  test('sends again what is unanswered, after half its time', async (t) => {
    const { lookUp, packets, server } = await rig(t, musl, [loseOne])
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    assert.deepEqual(server.asked().toSorted(), [
      'www.example. A',
      'www.example. AAAA',
      'www.example. AAAA',
    ])
    assert.equal(packets.retries, 1)
  })

  test('fails where one of two stays away', async (t) => {
    const { lookUp } = await rig(t, musl, [
      ({ query, type }) => (type === 28 ? [] : [address(query)]),
    ])
    assert.equal((await lookUp('www.example')).error, 'timeout')
  })

  test('hears nobody but its servers', async (t) => {
    const stranger = await ScriptedServer.open(t, good)
    const { client, packets, server } = await rig(t, musl, [() => []])
    await new Promise<void>((resolve) => {
      client.lookUp('www.example', ({ error }) => {
        assert.equal(error, 'timeout')
        resolve()
      })
      const timer = setInterval(() => {
        const [seen] = server.seen
        if (seen === undefined) return
        clearInterval(timer)
        stranger.send(address(seen.query), seen.port)
      }, 1)
    })
    assert.equal(packets.rejected, 1)
  })

  test('ends its search at a name without data', async (t) => {
    const config = { ...patient, search: ['a', 'b'], ndots: 5 }
    const { lookUp, server } = await rig(t, musl, [({ query }) => [answer(query)]], { config })
    assert.equal((await lookUp('www.example')).answer, 'NODATA')
    assert.equal(server.seen.length, 2)
  })

  test('asks again at once where a server fails once', async (t) => {
    const script: Script = ({ before, query }) => [
      before === 0 ? answer(query, SERVFAIL) : address(query),
    ]
    const { lookUp, packets } = await rig(t, musl, [script], { config: patient })
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    assert.equal(packets.retries, 2)
  })
})

describe('go', () => {
  test('two ports at once, EDNS in both', async (t) => {
    const { lookUp, server } = await rig(t, go, [good], { config: patient })
    await lookUp('www.example')
    assert.equal(server.ports().size, 2)
    // One record in the additional section.
    assert.ok(server.seen.every(({ query }) => query.readUInt16BE(10) === 1))
  })

  test('asks again what was lost alone', async (t) => {
    const { lookUp, packets, server } = await rig(t, go, [loseOne])
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
    assert.equal(server.seen.length, 3)
    assert.equal(packets.retries, 1)
  })

  test('goes on with its search list after a time-out', async (t) => {
    const config = { search: ['a'], ndots: 5, attempts: 1 }
    const script: Script = ({ name, query }) => (name === 'www.example.a.' ? [] : [address(query)])
    const { lookUp } = await rig(t, go, [script], { config })
    assert.equal((await lookUp('www.example')).answer, 'NOERROR')
  })

  test('one by one, over TCP and in turns, where options say so', async (t) => {
    const one = await rig(t, go, [good], { config: { ...patient, singleRequest: true } })
    await one.lookUp('www.example')
    assert.deepEqual(one.server.asked(), ['www.example. A', 'www.example. AAAA'])
    const over = await rig(t, go, [good], { config: { ...patient, useVc: true } })
    await over.lookUp('www.example')
    assert.equal(over.server.connections, 2)
    const turns = await rig(t, go, [good, good], { config: { ...patient, rotate: true } })
    await turns.lookUp('www.example')
    assert.deepEqual(
      turns.servers.map(({ seen }) => seen.length),
      [1, 1],
    )
  })

  test('asks nobody for onion names', async (t) => {
    const { lookUp, server } = await rig(t, go, [good], { config: patient })
    assert.equal((await lookUp('x.onion')).answer, 'NXDOMAIN')
    assert.deepEqual(server.seen, [])
  })
})

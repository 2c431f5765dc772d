// What a reload leaves in the cache when the Corefile says something else of it.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Daemon } from '../../src/daemon/daemon.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Clock } from '../../src/lib/clock.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { nameText } from '../../src/wire/question.ts'
import { plainHttp } from '../helpers/http.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { nullLog } from '../helpers/null-log.ts'
import { freePort } from '../helpers/ports.ts'
import { query, udpClient } from '../net/clients.ts'
import { a, message, questionOf, recordsOf, soa } from '../wire/message.ts'

const NXDOMAIN = 0x8183

/** A daemon in front of an upstream that counts what it is asked. */
class Scene {
  readonly asked: string[] = []
  readonly port: number
  readonly #t: TestContext
  readonly #file: string
  readonly #upstream: number
  #daemon: Daemon | null = null

  private constructor(t: TestContext, port: number, upstream: number) {
    this.#t = t
    this.port = port
    this.#upstream = upstream
    this.#file = join(temporaryFolder(t), 'Corefile')
  }

  static async open(t: TestContext, corefile: string): Promise<Scene> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    t.after(() => socket.close())
    const scene = new Scene(t, await freePort(), socket.address().port)
    socket.on('message', (wire, from) => {
      const name = nameText(wire, questionOf(wire), true).slice(0, -1)
      // A health check.
      if (name === '') return socket.send(wire.fill(0x80, 2, 3), from.port, from.address)
      scene.asked.push(name)
      const id = wire.readUInt16BE(0)
      const reply = name.startsWith('no-')
        ? message({ id, name, flags: NXDOMAIN, authority: [soa('test', 300, 300)] })
        : message({ id, name, flags: 0x8180, answer: [a(name, 300)] })
      socket.send(reply, from.port, from.address)
    })
    scene.write(corefile)
    const clock = new Clock()
    const parts = { directives: knownDirectives, env: {}, warn: assert.fail }
    scene.#daemon = await Daemon.start({
      source: new CorefileSource(scene.#file, parts),
      port: scene.port,
      clock,
      log: nullLog,
      memory: new ByteBudget(2 ** 24),
      http: plainHttp,
      listeners: new Listeners({
        clock,
        log: nullLog,
        udp: dgramBackend('a test'),
        counters: new NetCounters(),
      }),
      fatal: assert.fail,
    })
    t.after(() => scene.#daemon!.stop())
    return scene
  }

  write(corefile: string): void {
    const rest = `\n  bind 127.0.0.1\n  forward . 127.0.0.1:${this.#upstream}\n}`
    writeFileSync(this.#file, corefile.replaceAll(/^}/gm, rest))
  }

  async reload(corefile: string): Promise<void> {
    const { hash } = this.#daemon!.corefile
    this.write(corefile)
    await this.#daemon!.reload()
    assert.notEqual(this.#daemon!.corefile.hash, hash)
  }

  /** Asks for all names: the TTL of the first record of each reply. */
  async ask(list: readonly string[]): Promise<readonly number[]> {
    const client = await udpClient(this.#t, { address: '127.0.0.1', port: this.port })
    const queries = list.map((name, id) => query({ id, name }))
    for (let at = 0; at < queries.length; at += 100) {
      client.send(...queries.slice(at, at + 100))
      await client.wait(Math.min(at + 100, queries.length))
    }
    const ttls = list.map(() => -1)
    for (const { wire } of client.replies) {
      ttls[wire.readUInt16BE(0)] = wire.readUInt32BE(recordsOf(wire).ttlAt[0] ?? 0)
    }
    return ttls
  }

  /** How many of these names the upstream had to be asked for. */
  async misses(list: readonly string[]): Promise<number> {
    const before = this.asked.length
    await this.ask(list)
    // A question that is late is asked again.
    return new Set(this.asked.slice(before)).size
  }
}

const names = (count: number, zone = 'a.test'): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${i % 4 === 0 ? 'no-' : ''}n${i}.${zone}`)

describe('a reload that changes cache keeps the entries', () => {
  const plain = 'a.test {\n  cache 600\n}\n'
  for (const [what, body] of [
    ['prefetch', '600 {\n    prefetch 3\n  }'],
    ['serve_stale', '600 {\n    serve_stale 2h\n  }'],
    ['a longer TTL', '900'],
    ['other capacities', '600 {\n    success 20000\n    denial 5000\n  }'],
    ['keepttl', '600 {\n    keepttl\n  }'],
    ['a shorter SERVFAIL', '600 {\n    servfail 1s\n  }'],
  ] as const) {
    test(what, async (t) => {
      const scene = await Scene.open(t, plain)
      const all = names(400)
      assert.equal(await scene.misses(all), 400)
      await scene.reload(`a.test {\n  cache ${body}\n}\n`)
      assert.equal(await scene.misses(all), 0)
    })
  }

  test('a shorter TTL bounds them anew', async (t) => {
    const scene = await Scene.open(t, plain)
    const all = names(100)
    for (const ttl of await scene.ask(all)) assert.ok(ttl > 290)
    await scene.reload('a.test {\n  cache 20\n}\n')
    const before = scene.asked.length
    for (const ttl of await scene.ask(all)) assert.ok(ttl > 0 && ttl <= 20, String(ttl))
    assert.equal(scene.asked.length, before)
  })

  test('a smaller capacity keeps those used last', async (t) => {
    const scene = await Scene.open(t, 'a.test {\n  cache 600 {\n    success 2000\n  }\n}\n')
    const all = Array.from({ length: 1500 }, (_, i) => `n${i}.a.test`)
    await scene.ask(all)
    await scene.reload('a.test {\n  cache 600 {\n    success 1024\n  }\n}\n')
    // One may have gone for another of the same hash, in one of thirty thousand runs.
    assert.ok((await scene.misses(all.slice(1000))) <= 1)
    assert.equal(await scene.misses(all.slice(0, 100)), 100)
  })

  test('disable takes out what is disabled, and nothing else', async (t) => {
    const scene = await Scene.open(t, plain)
    const all = names(40)
    await scene.ask(all)
    await scene.reload('a.test {\n  cache 600 {\n    disable denial\n  }\n}\n')
    assert.equal(await scene.misses(all), 10)
  })
})

describe('a reload that changes zones', () => {
  test('one that is gone takes its own entries with it', async (t) => {
    const scene = await Scene.open(t, 'a.test b.test {\n  cache 600\n}\nc.test {\n  cache 600\n}\n')
    const [inA, inB, inC] = ['a.test', 'b.test', 'c.test'].map((zone) => names(40, zone))
    for (const some of [inA!, inB!, inC!]) assert.equal(await scene.misses(some), 40)
    await scene.reload('a.test {\n  cache 600\n}\nc.test {\n  cache 600\n}\n')
    assert.equal(await scene.misses(inA!), 0)
    assert.equal(await scene.misses(inC!), 0)
    await scene.reload('a.test b.test {\n  cache 600\n}\nc.test {\n  cache 600\n}\n')
    assert.equal(await scene.misses(inA!), 0)
    assert.equal(await scene.misses(inB!), 40)
  })

  test('a block that is gone leaves the others alone', async (t) => {
    const scene = await Scene.open(t, 'a.test {\n  cache 600\n}\nb.test {\n  cache 600\n}\n')
    const inA = names(40, 'a.test')
    const inB = names(40, 'b.test')
    for (const some of [inA, inB]) await scene.ask(some)
    await scene.reload('a.test {\n  cache 600\n}\n')
    assert.equal(await scene.misses(inA), 0)
    await scene.reload('a.test {\n  cache 600\n}\nb.test {\n  cache 600\n}\n')
    assert.equal(await scene.misses(inB), 40)
  })

  test('other upstreams are another source, and begin empty', async (t) => {
    const scene = await Scene.open(t, 'a.test {\n  cache 600\n}\n')
    const all = names(20)
    await scene.ask(all)
    await scene.reload('a.test {\n  cache 600\n  forward z.test 127.0.0.1:9\n}\n')
    assert.equal(await scene.misses(all), 20)
  })
})

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import type { Log } from '../../../src/lib/log.ts'
import { cache } from '../../../src/plugins/cache/index.ts'
import { loop } from '../../../src/plugins/loop/index.ts'
import { composeChain } from '../../../src/serve/chain.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { readFlags, writeFlags } from '../../../src/wire/header.ts'
import { nameText, parseQuestion, Question } from '../../../src/wire/question.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { message } from '../../wire/message.ts'
import { Front, forwardTo } from './front.ts'

interface Block {
  readonly stage: Stage
  readonly fatal: readonly string[]
}

interface Options {
  readonly zone?: string
  readonly host?: string
  readonly cached?: boolean
  readonly observe?: (type: number) => void
  /** What forward fails with, instead of asking. */
  readonly error?: string
  readonly log?: Partial<Log>
  /** What blocks share. */
  readonly state?: Set<string>
}

/** Serves `<zone> { loop; cache; forward . 127.0.0.1:<upstream> }` on `front`. */
function serveBlock(t: TestContext, front: Front, upstream: number, options: Options = {}): Block {
  const fatal: string[] = []
  const block = testBlock({
    zones: [options.zone ?? '.'],
    listeners: [{ host: options.host ?? '127.0.0.1', port: front.port }],
    services: {
      life: { fatal: (text) => void fatal.push(text) },
      keep: (key, make) =>
        key === 'loop told' ? ((options.state as ReturnType<typeof make>) ?? make()) : make(),
      log: { ...nullLog, plugin: () => ({ ...nullLog, ...options.log }) },
    },
  })
  const stage = loop.setup(directivesOf('loop', 'loop'), block)
  const stages = [{ name: 'loop', stage }]
  if (options.cached !== false) {
    stages.push({ name: 'cache', stage: cache.setup(directivesOf('cache', 'cache'), block) })
  }
  const { error, observe } = options
  const last = error === undefined ? forwardTo(t, upstream) : failing(error)
  stages.push({ name: 'forward', stage: last })
  front.handler = composeChain(
    stages,
    makeFinish(observe === undefined ? [] : [(q) => observe(q.question.type)]),
  )
  t.after(() => stage.stop?.(true))
  return { stage, fatal }
}

/** The last stage of a block where no upstream answers. */
function failing(error: string): Stage {
  return {
    wrap: (_next, done) => (q) => {
      q.fail(Rcode.ServFail, error)
      done(q)
    },
  }
}

/** Asks for a HINFO record as a client does, and waits for the reply. */
async function askFor(t: TestContext, front: Front, name: string): Promise<Buffer> {
  const client = createSocket('udp4')
  t.after(() => client.close())
  client.send(message({ name, type: Type.HINFO, flags: 0x0100 }), front.port, '127.0.0.1')
  const [reply] = (await once(client, 'message')) as [Buffer]
  return reply
}

type React = (query: Buffer, name: string, reply: (rcode: number) => void) => void

/** A name server that does what it is told with every query. */
async function startUpstream(t: TestContext, react: React): Promise<number> {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.on('message', (query, { port }) => {
    const question = new Question()
    parseQuestion(query, query.length, question)
    react(query, nameText(query, question, true), (rcode) => {
      writeFlags(query, readFlags(query) | Flag.QR | rcode)
      socket.send(query, port, '127.0.0.1')
    })
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket.address().port
}

const loopOf = (zone: string, listener: string): RegExp =>
  new RegExp(
    `^plugin/loop: Loop \\(127\\.0\\.0\\.1:\\d+ -> ${listener}\\) detected for zone "${zone}", ` +
      'see https://coredns\\.io/plugins/loop#troubleshooting\\. ' +
      `Query: "HINFO \\d+\\.\\d+\\.${zone === '.' ? '' : zone}"$`,
  )

for (const cached of [true, false]) {
  test(`a block that forwards to itself is found, ${cached ? 'behind a' : 'without'} cache`, async (t) => {
    const front = await Front.open(t)
    const { stage, fatal } = serveBlock(t, front, front.port, { cached })
    await stage.start?.()
    await stage.settled?.()
    assert.match(fatal[0] ?? '', loopOf('.', `127.0.0.1:${front.port}`))
  })
}

test('the name lies in the first zone, and the listener is named as in the Corefile', async (t) => {
  const front = await Front.open(t)
  const { stage, fatal } = serveBlock(t, front, front.port, { zone: 'cluster.local.', host: '' })
  await stage.start?.()
  await stage.settled?.()
  assert.match(fatal[0] ?? '', loopOf('cluster.local.', `:${front.port}`))
})

test('a loop by way of another server is found', async (t) => {
  const front = await Front.open(t)
  const relay = await Front.open(t)
  relay.handler = composeChain(
    [{ name: 'forward', stage: forwardTo(t, front.port) }],
    makeFinish([]),
  )
  const { stage, fatal } = serveBlock(t, front, relay.port)
  await stage.start?.()
  await stage.settled?.()
  assert.match(fatal[0] ?? '', loopOf('.', `127.0.0.1:${front.port}`))
})

test('an upstream that answers is no loop, and its HINFO answers pass afterwards', async (t) => {
  const front = await Front.open(t)
  const asked: string[] = []
  const upstream = await startUpstream(t, (_query, name, reply) => {
    asked.push(name)
    reply(Rcode.NXDomain)
  })
  const { stage, fatal } = serveBlock(t, front, upstream)
  await stage.start?.()
  await stage.settled?.()
  assert.deepEqual(fatal, [])
  assert.equal(asked.length, 2, 'one probe over UDP, one over TCP')

  for (let i = 0; i < 4; i++) {
    assert.equal(readFlags(await askFor(t, front, asked[0]!)) & 15, Rcode.NXDomain)
  }
  assert.deepEqual(fatal, [])
})

test('a query that comes back once is no loop yet', async (t) => {
  const front = await Front.open(t)
  const seen = new Set<string>()
  const back = createSocket('udp4')
  t.after(() => back.close())
  const upstream = await startUpstream(t, (query, name, reply) => {
    if (seen.has(name)) return reply(Rcode.NXDomain)
    seen.add(name)
    back.send(query, front.port, '127.0.0.1')
    back.once('message', () => reply(Rcode.NXDomain))
  })
  const { stage, fatal } = serveBlock(t, front, upstream)
  await stage.start?.()
  await stage.settled?.()
  assert.deepEqual(fatal, [])
  assert.equal(seen.size, 2)
})

test('what is known to be a probe has an asker: no observer, and no cache, sees it', async (t) => {
  const front = await Front.open(t)
  const names: string[] = []
  const upstream = await startUpstream(t, (_query, name, reply) => {
    names.push(name)
    reply(Rcode.NoError)
  })
  const observed: number[] = []
  const { stage } = serveBlock(t, front, upstream, { observe: (type) => observed.push(type) })
  await stage.start?.()
  await stage.settled?.()
  assert.deepEqual(observed, [])
  // Neither was the answer kept. From now on it is a client's question.
  await askFor(t, front, names[0]!)
  await askFor(t, front, names[0]!)
  assert.deepEqual(names, [names[0], names[1], names[0]])
  assert.deepEqual(observed, [Type.HINFO, Type.HINFO])
})

test('a label has 63 random bits, and none comes twice', async (t) => {
  const front = await Front.open(t)
  const labels: bigint[] = []
  const upstream = await startUpstream(t, (_query, name, reply) => {
    labels.push(...name.split('.').slice(0, 2).map(BigInt))
    reply(Rcode.NXDomain)
  })
  for (let i = 0; i < 50; i++) {
    const { stage } = serveBlock(t, front, upstream)
    await stage.start?.()
    await stage.settled?.()
  }
  assert.equal(labels.length, 200)
  assert.equal(new Set(labels).size, 200)
  // A fair coin, 200 times: within 8 standard deviations of 100.
  for (let bit = 0n; bit < 63n; bit++) {
    const ones = labels.filter((label) => ((label >> bit) & 1n) === 1n).length
    assert.ok(ones > 43 && ones < 157, `bit ${bit} is 1 in ${ones} of 200`)
  }
})

test('what went wrong on the way up is one line, whatever the transport and the block', async (t) => {
  const front = await Front.open(t)
  const lines: string[] = []
  const log = { warning: (text: string): void => void lines.push(text) }
  const state = new Set<string>()
  for (const zone of ['a.', 'b.']) {
    const options = { log, state, zone, error: '192.0.2.1:53 does not answer HINFO' }
    const { stage } = serveBlock(t, front, 0, options)
    await stage.start?.()
    await stage.settled?.()
  }
  assert.deepEqual(lines, ['192.0.2.1:53 does not answer HINFO; no loop seen so far'])
})

test('start() does not wait for the test, and stop() ends it', async (t) => {
  const front = await Front.open(t)
  const upstream = await startUpstream(t, () => {})
  const { stage, fatal } = serveBlock(t, front, upstream)
  await stage.start?.()
  await stage.stop?.(false)
  await stage.settled?.()
  assert.deepEqual(fatal, [])
})

test('a block without listeners has nothing to ask', async () => {
  const stage = loop.setup(directivesOf('loop', 'loop'), testBlock({ listeners: [] }))
  await stage.start?.()
  await stage.settled?.()
})

test('it takes neither arguments nor options, and stands once', () => {
  const refused = (body: string, message_: string): void => {
    assert.throws(() => loop.setup(directivesOf('loop', body), testBlock()), { message: message_ })
  }
  const wrong = 'Error during parsing: Wrong argument count or unexpected line ending after'
  refused('loop now', `plugin/loop: Corefile:2 - ${wrong} 'now'`)
  const braces = "Error during parsing: Unexpected token '{', expecting argument"
  for (const body of ['loop { }', 'loop {\n}', 'loop {\nfast\n}']) {
    refused(body, `plugin/loop: Corefile:2 - ${braces}`)
  }
  refused(
    'loop\nloop',
    'Corefile:3 - plugin/loop: this plugin can only be used once per Server Block',
  )
})

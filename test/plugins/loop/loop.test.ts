import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { cache } from '../../../src/plugins/cache/index.ts'
import { loop } from '../../../src/plugins/loop/index.ts'
import { composeChain } from '../../../src/serve/chain.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { readFlags, writeFlags } from '../../../src/wire/header.ts'
import { nameText, parseQuestion, Question } from '../../../src/wire/question.ts'
import { message } from '../../wire/message.ts'
import { testBlock } from '../bind/block.ts'
import { directivesOf } from '../bind/directives.ts'
import { Front, forwardTo } from './front.ts'

interface Block {
  readonly stage: Stage
  readonly fatal: readonly string[]
}

interface Options {
  readonly zone?: string
  readonly host?: string
  readonly cached?: boolean
}

/** Serves `<zone> { loop; cache; forward . 127.0.0.1:<upstream> }` on `front`. */
function serveBlock(t: TestContext, front: Front, upstream: number, options: Options = {}): Block {
  const fatal: string[] = []
  const block = testBlock({
    zones: [options.zone ?? '.'],
    listeners: [{ host: options.host ?? '127.0.0.1', port: front.port }],
    services: { fatal: (text) => void fatal.push(text) },
  })
  const stage = loop.setup(directivesOf('loop', 'loop'), block)
  const stages = [{ name: 'loop', stage }]
  if (options.cached !== false) {
    stages.push({ name: 'cache', stage: cache.setup(directivesOf('cache', 'cache'), block) })
  }
  stages.push({ name: 'forward', stage: forwardTo(t, upstream) })
  front.handler = composeChain(stages, makeFinish([]))
  t.after(() => stage.stop?.(true))
  return { stage, fatal }
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

  const client = createSocket('udp4')
  t.after(() => client.close())
  for (let i = 0; i < 4; i++) {
    client.send(
      message({ name: asked[0]!, type: Type.HINFO, flags: 0x0100 }),
      front.port,
      '127.0.0.1',
    )
    const [reply] = (await once(client, 'message')) as [Buffer]
    assert.equal(readFlags(reply) & 15, Rcode.NXDomain)
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

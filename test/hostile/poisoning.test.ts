// What an upstream, or somebody who forges its packets, says of other names never answers a later question.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'

import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { suiteOwner } from '../helpers/netns/suite-owner.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { type Asked, type Script, type Scripted, startScripted } from '../upstream/scripted.ts'
import { cname, message, ns, questionOf, soa, type TestMessage } from '../wire/message.ts'
import { nameText } from '../../src/wire/question.ts'

const TRUE = '192.0.2.1'
const FALSE = '203.0.113.66'
const LONG = 86_400

/** What is said of the victim, in reply to a question for another name. */
type Lie = (asked: Asked, victim: string) => Buffer

interface Front {
  readonly at: { readonly address: string; readonly port: number }
  readonly upstream: Scripted
}

type Over = 'udp' | 'tcp'

/** A daemon with a cache in front of an upstream that does as `script` says. */
async function front(owner: Owner, over: Over, script: Script): Promise<Front> {
  const upstream = await startScripted(owner, script)
  const at = { address: '127.0.0.1', port: await freePort() }
  const option = over === 'tcp' ? ' {\nforce_tcp\n}' : ''
  const corefile = `.:${at.port} {\nbind 127.0.0.1\ncache\nforward . 127.0.0.1:${upstream.port}${option}\n}\n`
  await startDnslet(owner, corefile, { ready: { ...at, name: 'ready.test' } })
  return { at, upstream }
}

const address = (name: string, text: string, ttl = LONG) => ({
  name,
  type: 1,
  ttl,
  data: Buffer.from(text.split('.').map(Number)),
})

const nameOf = ({ wire }: Asked): string => nameText(wire, questionOf(wire)).replace(/\.$/, '')

function honest(asked: Asked, more: Partial<TestMessage> = {}): Buffer {
  const { type } = questionOf(asked.wire)
  const name = nameOf(asked)
  return message({ id: asked.id, name, type, answer: [address(name, TRUE, 60)], ...more })
}

/** Replies to another question than the one that was asked. */
const others: Readonly<Record<string, Lie>> = {
  'another name': (asked, victim) =>
    honest(asked, { name: victim, answer: [address(victim, FALSE)] }),
  'another type': (asked) => honest(asked, { type: 28, answer: [address(nameOf(asked), FALSE)] }),
  'another class': (asked) => honest(asked, { class: 3, answer: [address(nameOf(asked), FALSE)] }),
  'another id': (asked) =>
    honest(asked, { id: asked.id ^ 1, answer: [address(nameOf(asked), FALSE)] }),
  'no QR': (asked) => honest(asked, { flags: 0x0180, answer: [address(nameOf(asked), FALSE)] }),
}

/** Replies to the question that was asked, with records of another name. */
const asides: Readonly<Record<string, Lie>> = {
  'behind the answer': (asked, victim) =>
    honest(asked, { answer: [address(nameOf(asked), TRUE), address(victim, FALSE)] }),
  'as the target of a CNAME': (asked, victim) =>
    honest(asked, { answer: [cname(nameOf(asked), victim, LONG), address(victim, FALSE)] }),
  'in authority, and its address in additional': (asked, victim) =>
    honest(asked, {
      answer: [address(nameOf(asked), TRUE)],
      authority: [ns('test', victim), ns('.', victim)],
      additional: [address(victim, FALSE)],
    }),
  'as the server of a referral': (asked, victim) =>
    honest(asked, {
      answer: [],
      authority: [ns('test', victim)],
      additional: [address(victim, FALSE)],
    }),
  'as what does not exist': (asked, victim) =>
    honest(asked, { flags: 0x8183, answer: [], authority: [soa(victim, LONG, LONG)] }),
}

const lies = [...Object.values(others), ...Object.values(asides)]
const nameFor = (what: string, lie: Lie): string => `${what}-${lies.indexOf(lie)}.test`

/** Lies in reply to `asked-N.test`, with the Nth lie; where that replies to another question, then honestly. */
const liar: Script = (asked) => {
  const lie = lies[Number(/^asked-(\d+)\.test$/.exec(nameOf(asked))?.[1] ?? NaN)]
  if (lie !== undefined) asked.reply(lie(asked, nameFor('victim', lie)))
  if (lie === undefined || Object.values(others).includes(lie)) asked.reply(honest(asked))
}

async function addressesOf({ at }: Front, name: string): Promise<string[]> {
  const { answer } = await dig(at, name)
  return answer.filter(({ type }) => type === 'A').map(({ data }) => data)
}

const askedFor = ({ upstream }: Front, name: string): number =>
  upstream.asked.filter((asked) => nameOf(asked) === name).length

for (const over of ['udp', 'tcp'] as const) {
  describe(`poisoning across questions over ${over}`, { skip: requireTools('dig') }, () => {
    let served!: Front
    const owner = suiteOwner()
    before(async () => (served = await front(owner, over, liar)))

    for (const [what, lie] of Object.entries(others)) {
      test(`a reply with ${what}, before the true one, answers nothing`, async () => {
        const [asked, victim] = [nameFor('asked', lie), nameFor('victim', lie)]
        const first = await addressesOf(served, asked)
        // Over TCP the upstream is taken for broken, which costs this one its answer at most.
        const second = await addressesOf(served, asked)
        assert.ok(![...first, ...second].includes(FALSE), [...first, ...second].join())
        if (over === 'udp') assert.deepEqual(first, [TRUE])
        assert.deepEqual(await addressesOf(served, victim), [TRUE])
        assert.equal(askedFor(served, victim), 1, 'the upstream was asked')
      })
    }

    for (const [what, lie] of Object.entries(asides)) {
      test(`records of another name ${what} never answer for that`, async () => {
        const [asked, victim] = [nameFor('asked', lie), nameFor('victim', lie)]
        await dig(served.at, asked)
        await dig(served.at, asked, '+tcp')
        assert.ok(askedFor(served, asked) > 0)
        for (const name of [victim, victim.toUpperCase(), `below.${victim}`])
          assert.deepEqual(await addressesOf(served, name), [TRUE], name)
        assert.equal(askedFor(served, victim), 1, 'the upstream was asked')
      })
    }
  })
}

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { Fallback } from '../../src/host/fallback.ts'
import { interceptionState } from '../../src/host/interception-metrics.ts'
import { WAITING } from '../../src/host/interception.ts'
import { setupErrors } from '../../src/host/setup-errors.ts'
import { FakeNode } from './interception-support.ts'

const BEGUN = '[INFO] Queries of this node are intercepted'
const RENEWAL = ['interface renewed', 'rules renewed']

/** Pods of kube-dns that stay where they are. */
function pods(...known: string[]): Fallback {
  return { known, turn() {}, refresh: () => Promise.resolve() } as unknown as Fallback
}

describe('the begin', () => {
  test('rules, then a question to ourselves, then the interface, then the lease', async (t) => {
    const n = new FakeNode(t)
    assert.deepEqual(n.readiness.reasons, [WAITING])
    assert.equal(n.interception.tun, null)
    await n.interception.start(false)
    assert.deepEqual(n.calls.slice(0, 4), [
      'rules installed',
      'interface opened',
      'rules renewed',
      'alarm 5',
    ])
    assert.deepEqual(n.readiness.reasons, [])
    assert.deepEqual(n.log.lines, [BEGUN])
    assert.equal(n.interception.tun, 7)
    assert.deepEqual(
      { ...interceptionState, repairs: null, suspensions: null },
      {
        active: 1,
        state: 'active',
        reason: '',
        interface: 'tun',
        rules: 'nft',
        repairs: null,
        suspensions: null,
      },
    )
    n.done()
    await n.pass(2000)
    assert.deepEqual(n.done(), [...RENEWAL, ...RENEWAL])
  })

  test('waits until the self-query passes, and says once why', async (t) => {
    const n = new FakeNode(t)
    n.upstreamKnown = false
    await n.interception.start(false)
    await n.pass(2000)
    n.upstreamKnown = true
    n.selfQuery = 'dns://10.96.0.10:53 answers SERVFAIL'
    await n.pass(2000)
    assert.deepEqual(n.log.lines, [
      '[WARNING] Nothing is intercepted, kube-dns answers: the address of the upstream Service is not known',
      '[WARNING] Nothing is intercepted, kube-dns answers: dns://10.96.0.10:53 answers SERVFAIL',
    ])
    assert.equal(interceptionState.active, 0)
    assert.deepEqual(n.readiness.reasons, [WAITING])
    assert.deepEqual(n.done(), ['rules installed', 'rules checked'])
    n.selfQuery = null
    await n.pass(1000)
    assert.equal(n.log.lines.at(-1), BEGUN)
    assert.deepEqual(n.done(), ['interface opened', 'rules renewed'])
    assert.deepEqual(n.readiness.reasons, [])
  })

  test('begins where nobody else answers, and is ready once the self-query passes', async (t) => {
    let isAlone = false
    const n = new FakeNode(t, { isAlone: () => isAlone })
    n.upstreamKnown = false
    n.selfQuery = 'dns://169.254.20.10:53 answers SERVFAIL'
    await n.interception.start(false)
    isAlone = true
    await n.pass(1000)
    assert.equal(interceptionState.active, 0, 'without an upstream there is nothing to answer')
    n.upstreamKnown = true
    await n.pass(3000)
    assert.equal(interceptionState.active, 1)
    assert.deepEqual(n.log.lines.slice(1), [
      '[WARNING] Intercepting where nobody else answers: dns://169.254.20.10:53 answers SERVFAIL',
      BEGUN,
    ])
    assert.deepEqual(n.readiness.reasons, ['No name of the cluster is answered yet'])
    assert.equal(interceptionState.reason, n.selfQuery)
    isAlone = false
    n.selfQuery = 'dns://169.254.20.10:53 gives no answer'
    await n.pass(1000)
    assert.equal(
      n.log.lines.at(-1),
      `[WARNING] Intercepting where nobody else answers: ${n.selfQuery}`,
      'it goes on',
    )
    n.selfQuery = null
    await n.pass(1000)
    assert.deepEqual(n.readiness.reasons, [])
    assert.equal(interceptionState.reason, '')
  })

  test('asks nothing where a predecessor intercepts up to now', async (t) => {
    const n = new FakeNode(t)
    n.selfQuery = 'not yet'
    await n.interception.start(true)
    assert.deepEqual(n.done().slice(0, 3), ['rules go on', 'interface opened', 'rules renewed'])
    assert.deepEqual(n.log.lines, [BEGUN])
  })

  test('without rules of ours the interface alone leads queries here', async (t) => {
    const n = new FakeNode(t, { rules: null, fallback: pods('10.244.1.10') })
    n.kind = 'lo'
    await n.interception.start(false)
    await n.pass(1000)
    assert.deepEqual(n.done(), ['interface opened', 'interface ensured', 'interface renewed'])
    assert.deepEqual([interceptionState.interface, interceptionState.rules], ['lo', 'none'])
    await n.interception.withdraw()
    await n.interception.remove(false)
    assert.deepEqual(n.done(), ['interface released'])
  })

  test('without an interface of ours the rules alone do', async (t) => {
    const n = new FakeNode(t, { openInterface: null })
    await n.interception.start(false)
    await n.pass(1000)
    assert.deepEqual(n.done(), [
      'rules installed',
      'rules renewed',
      'rules checked',
      'rules renewed',
    ])
    assert.equal(interceptionState.interface, 'none')
    assert.equal(n.interception.tun, null)
  })

  test('on lo the rules ask for a socket, with the same fallback', async (t) => {
    const n = new FakeNode(t, { fallback: pods('10.244.1.10') })
    n.kind = 'lo'
    await n.interception.start(false)
    assert.deepEqual(n.done().slice(0, 7), [
      'rules fall back to 10.244.1.10',
      'rules installed',
      'interface opened',
      'socket rules chosen',
      'socket rules fall back to 10.244.1.10',
      'socket rules installed',
      'socket rules renewed',
    ])
    await n.settle()
    n.done()
    await n.pass(1000)
    assert.deepEqual(n.done(), ['interface renewed', 'socket rules renewed'])
  })

  test('a link that comes back as lo gets rules that ask for a socket, once', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    n.done()
    n.kind = 'lo'
    for (let i = 0; i < 2; i++) await n.interception.sync()
    assert.deepEqual(n.done(), [
      'interface ensured',
      'socket rules chosen',
      'socket rules installed',
      'socket rules checked',
      'interface ensured',
      'socket rules checked',
    ])
    assert.equal(interceptionState.interface, 'lo')
  })
})

describe('a start that fails', () => {
  for (const what of ['rules installed', 'interface opened', 'socket rules chosen']) {
    test(`at "${what}" leaves nothing behind`, async (t) => {
      const n = new FakeNode(t)
      n.kind = 'lo'
      n.failures.set(what, new Error('no'))
      await assert.rejects(n.interception.start(false), /^Error: no$/)
      const calls = n.done()
      assert.equal(calls.at(-1), 'rules removed')
      assert.equal(calls.includes('interface released'), what === 'socket rules chosen')
      await n.pass(2000)
      assert.deepEqual(n.done(), [], 'no timer is left')
    })
  }

  test('rules of another dnslet that lead here go on, until ours are known', async (t) => {
    const n = new FakeNode(t)
    n.leased = true
    await n.interception.start(false, true)
    assert.deepEqual(n.done().slice(0, 3), ['interface opened', 'rules go on', 'rules renewed'])
  })

  test('on lo they are never those that ask for an address', async (t) => {
    const n = new FakeNode(t)
    n.leased = true
    n.kind = 'lo'
    await n.interception.start(false, true)
    assert.deepEqual(n.done().slice(0, 4), [
      'interface opened',
      'socket rules chosen',
      'socket rules go on',
      'socket rules renewed',
    ])
  })

  test('beside another that intercepts nothing rules begin anew', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false, true)
    assert.equal(n.done()[0], 'rules installed')
  })

  test('leaves rules and addresses to a predecessor that goes on', async (t) => {
    const n = new FakeNode(t)
    n.failures.set('interface opened', new Error('no'))
    await assert.rejects(n.interception.start(true), /^Error: no$/)
    assert.deepEqual(n.done(), ['rules go on', 'interface opened'])
  })

  test('later is said, counted and tried again', async (t) => {
    const n = new FakeNode(t)
    n.selfQuery = 'not yet'
    await n.interception.start(false)
    n.selfQuery = null
    n.failures.set('interface opened', new Error('Cannot set up interface'))
    const before = setupErrors.interface_add
    await n.pass(2000)
    assert.equal(setupErrors.interface_add, before + 2)
    assert.equal(n.log.lines.at(-1), '[ERROR] Cannot set up interface')
    assert.equal(interceptionState.active, 0)
    n.failures.clear()
    await n.pass(1000)
    assert.equal(interceptionState.active, 1)
  })
})

describe('the lease', () => {
  test('that cannot be renewed has the rules looked at', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    n.done()
    const before = interceptionState.repairs.rules
    n.renewed = Promise.resolve(false)
    n.alien = ['table inet dnslet', 'chain query']
    await n.pass(1000)
    assert.deepEqual(n.done(), [...RENEWAL, 'interface ensured', 'rules checked'])
    assert.equal(n.log.lines.at(-1), '[WARNING] Added back: table inet dnslet; chain query')
    assert.equal(interceptionState.repairs.rules, before + 1)
    n.alien = Array.from({ length: 60 }, (_, i) => `rule ${i}`)
    await n.pass(1000)
    assert.match(n.log.lines.at(-1)!, /^\[WARNING\] Added back: rule 0; .*; rule 5; and 54 more$/)
    assert.equal(interceptionState.repairs.rules, before + 2)
  })

  test('that the interface cannot renew has the interface put back', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    n.done()
    n.failures.set('interface renewed', new Error('ENODEV'))
    n.missing = ['link nodelocaldns']
    const before = [setupErrors.interface_check, interceptionState.repairs.interface]
    await n.pass(1000)
    assert.deepEqual(n.done(), [
      'interface renewed',
      'interface ensured',
      'rules renewed',
      'rules checked',
    ])
    assert.deepEqual(n.log.lines.slice(1), [
      '[ERROR] ENODEV',
      '[WARNING] Added back: link nodelocaldns',
    ])
    assert.deepEqual(
      [setupErrors.interface_check, interceptionState.repairs.interface],
      before.map((count) => count + 1),
    )
  })

  test('has a link that is gone made again within a second', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    n.done()
    n.linked = false
    n.missing = ['link nodelocaldns']
    await n.pass(1000)
    assert.deepEqual(n.done(), [
      'interface renewed',
      'interface ensured',
      'rules renewed',
      'rules checked',
    ])
    assert.equal(n.log.lines.at(-1), '[WARNING] Added back: link nodelocaldns')
  })

  test('is renewed while a check takes its time', async (t) => {
    let answer: (problem: string | null) => void = () => {}
    let asked = 0
    const n = new FakeNode(t, {
      served: {
        upstreamKnown: () => true,
        selfQuery: () => Promise.resolve(null),
        selfCheck: () => {
          asked++
          return new Promise((resolve) => (answer = resolve))
        },
      },
    })
    await n.interception.start(false)
    await n.settle()
    n.done()
    await n.pass(3000)
    assert.deepEqual(n.done(), [...RENEWAL, ...RENEWAL, ...RENEWAL])
    assert.equal(asked, 1)
    answer(null)
    await n.settle()
    await n.pass(1000)
    assert.equal(asked, 2)
  })
})

describe('a process that does not answer itself', () => {
  test('sends clients away after three checks, until the lease has run out and it answers', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    const before = interceptionState.suspensions
    n.selfCheck = 'dns://10.96.0.10:53 does not answer over UDP'
    await n.pass(2000)
    assert.equal(interceptionState.active, 1)
    n.selfCheck = null
    await n.pass(1000)
    n.selfCheck = 'dns://10.96.0.10:53 does not answer over TCP'
    await n.pass(2000)
    assert.deepEqual(n.log.lines, [BEGUN], 'two in a row are tolerated')
    n.done()
    await n.pass(1000)
    assert.deepEqual(n.done(), RENEWAL)
    assert.equal(interceptionState.suspensions, before + 1)
    assert.equal(interceptionState.active, 0)
    assert.deepEqual(n.readiness.reasons, ['Interception is suspended'])
    assert.equal(
      n.log.lines.at(-1),
      '[ERROR] Interception is suspended, and kube-dns answers within seconds: ' +
        'dns://10.96.0.10:53 does not answer over TCP',
    )
    n.selfCheck = null
    // Three seconds and one: what it renewed last has run out.
    await n.pass(4000)
    assert.deepEqual(n.done(), [], 'kube-dns has its chance')
    await n.pass(1000)
    assert.deepEqual(n.done(), ['interface ensured', 'rules renewed'])
    assert.deepEqual(n.readiness.reasons, [])
    assert.deepEqual(n.log.lines.slice(2), [BEGUN])
    n.selfCheck = 'again'
    await n.pass(2000)
    assert.equal(interceptionState.active, 1, 'failures are counted anew')
  })

  test('stays away as long as a question to itself is not answered', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    n.selfCheck = n.selfQuery = 'no answer'
    await n.pass(20_000)
    assert.equal(interceptionState.active, 0)
    assert.equal(n.log.lines.filter((line) => line.includes('Nothing is intercepted')).length, 1)
    n.selfQuery = null
    await n.pass(1000)
    assert.equal(interceptionState.active, 1)
  })
})

describe('sync()', () => {
  test('comes each interval', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.pass(120_000)
    assert.equal(n.done().filter((call) => call === 'rules checked').length, 3)
  })

  test('looks only whether there are rules while another dnslet has them too', async (t) => {
    let isShared = true
    const n = new FakeNode(t, { isShared: () => isShared })
    await n.interception.start(false)
    await n.settle()
    isShared = false
    await n.interception.sync()
    const looks = n.done().filter((call) => /looked for|checked/.test(call))
    assert.deepEqual(looks, ['rules looked for', 'rules checked'])
  })

  test('runs once at a time', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    n.done()
    assert.equal(n.interception.sync(), n.interception.sync())
    await n.settle()
    assert.deepEqual(n.done(), ['interface ensured', 'rules checked'])
  })

  test('says and counts what fails, and goes on', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    n.failures.set('interface ensured', new Error('no link'))
    n.failures.set('rules checked', new Error('no nft'))
    const before = [setupErrors.interface_check, setupErrors.iptables]
    await n.interception.sync()
    assert.deepEqual(n.log.lines.slice(1), ['[ERROR] no link', '[ERROR] no nft'])
    assert.deepEqual(
      [setupErrors.interface_check, setupErrors.iptables],
      before.map((count) => count + 1),
    )
  })
})

describe('the end', () => {
  test('rules first, the interface once everybody has an answer, then what is left of the rules', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.settle()
    n.done()
    const began = performance.now()
    await n.interception.withdraw()
    assert.ok(performance.now() - began >= 95, 'packets on their way arrive')
    assert.equal(interceptionState.active, 0)
    assert.deepEqual(n.done(), ['rules withdrawn'])
    await n.interception.sync()
    await n.pass(61_000)
    assert.deepEqual(n.done(), [], 'nothing is put back')
    await n.interception.remove(false)
    assert.equal(n.calls.at(-2), 'alarm 0')
    assert.deepEqual(n.done(), ['interface released', 'rules removed'])
    await n.interception.remove(false)
    assert.deepEqual(n.done(), ['rules removed'], 'a second time there is no interface')
  })

  test('with -skipteardown, rules and a link that can stay do', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    await n.interception.withdraw()
    n.done()
    await n.interception.remove(true)
    assert.deepEqual(n.done(), ['interface abandoned'])
  })

  test('a program that fails does not keep it', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    n.failures.set('rules withdrawn', new Error('one'))
    n.failures.set('rules removed', new Error('two'))
    const before = setupErrors.iptables
    await n.interception.withdraw()
    await n.interception.remove(false)
    assert.deepEqual(n.log.lines.slice(-2), ['[ERROR] one', '[ERROR] two'])
    assert.equal(setupErrors.iptables, before + 2)
  })

  test('once a successor has it all, nothing is touched any more', async (t) => {
    const n = new FakeNode(t)
    let refuse: (renewed: boolean) => void = () => {}
    await n.interception.start(false)
    await n.settle()
    n.renewed = new Promise((resolve) => (refuse = resolve))
    await n.pass(1000)
    n.done()
    n.interception.leave()
    assert.equal(n.calls.at(-1), 'alarm 0')
    assert.deepEqual(n.done(), ['interface abandoned'])
    // The successor's rules are not ours: that our lease is gone is as it should be.
    refuse(false)
    n.interception.leave()
    await n.pass(61_000)
    await n.interception.withdraw()
    await n.interception.remove(false)
    assert.deepEqual(n.done(), [])
    assert.equal(n.interception.tun, null)
  })

  test('does not begin what was about to begin', async (t) => {
    const n = new FakeNode(t)
    let renewed: (ok: boolean) => void = () => {}
    n.selfQuery = 'not yet'
    await n.interception.start(false)
    n.selfQuery = null
    n.renewed = new Promise((resolve) => (renewed = resolve))
    await n.pass(1000)
    assert.ok(n.done().includes('interface opened'))
    const withdrawn = n.interception.withdraw()
    renewed(true)
    await withdrawn
    assert.equal(interceptionState.active, 0)
    assert.ok(!n.log.lines.includes(BEGUN))
    await n.interception.remove(false)
    assert.deepEqual(n.done(), ['rules withdrawn', 'interface released', 'rules removed'])
  })

  for (const [when, late] of [
    ['being chosen', 'socketRules'],
    ['being installed', 'install'],
  ] as const) {
    test(`leaves no rules of another kind that were ${when}`, async (t) => {
      let go: () => void = () => {}
      const held = new Promise<void>((resolve) => (go = resolve))
      const n: FakeNode = new FakeNode(t, {
        socketRules: async () => {
          if (late === 'socketRules') await held
          const rules = n.rules('socket rules')
          const install = (isLeased?: boolean): Promise<void> =>
            (late === 'install' ? held : Promise.resolve()).then(() => rules.install(isLeased))
          return { ...rules, install }
        },
      })
      await n.interception.start(false)
      await n.settle()
      // The link was deleted, and came back on lo.
      n.kind = 'lo'
      void n.interception.sync()
      await n.settle()
      n.done()
      const ended = n.interception.remove(false)
      await n.settle()
      go()
      await ended
      await n.settle()
      const installed = n.calls.indexOf('socket rules installed')
      assert.equal(installed >= 0, late === 'install')
      const removed = late === 'install' ? 'socket rules removed' : 'rules removed'
      assert.ok(n.calls.indexOf(removed) > installed, n.calls.join('; '))
    })
  }

  test('a check that fails after it suspends nothing', async (t) => {
    let answer: (problem: string | null) => void = () => {}
    const n = new FakeNode(t, {
      served: {
        upstreamKnown: () => true,
        selfQuery: () => Promise.resolve(null),
        selfCheck: () => new Promise((resolve) => (answer = resolve)),
      },
    })
    await n.interception.start(false)
    for (let i = 0; i < 3; i++) {
      await n.pass(1000)
      if (i < 2) answer('no answer')
      await n.settle()
    }
    await n.interception.withdraw()
    answer('no answer')
    await n.settle()
    assert.ok(!n.log.lines.some((line) => line.includes('suspended')))
  })
})

describe('an end that is near', () => {
  test('lets nothing begin any more', async (t) => {
    const n = new FakeNode(t)
    n.selfQuery = 'not yet'
    await n.interception.start(false)
    n.interception.neverBegin()
    n.selfQuery = null
    n.done()
    await n.pass(3000)
    assert.deepEqual(n.done(), [])
    assert.ok(!n.log.lines.includes(BEGUN))
  })

  test('lets nothing begin whose question was under way', async (t) => {
    let answer: (problem: string | null) => void = () => {}
    const n = new FakeNode(t, {
      served: {
        upstreamKnown: () => true,
        selfQuery: () => new Promise((resolve) => (answer = resolve)),
        selfCheck: () => Promise.resolve(null),
      },
    })
    const started = n.interception.start(false)
    await n.settle()
    answer('not yet')
    await started
    await n.pass(1000)
    n.interception.neverBegin()
    answer(null)
    await n.settle()
    assert.ok(!n.calls.includes('interface opened'))
  })

  test('keeps what is active until it comes', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    n.interception.neverBegin()
    await n.settle()
    n.done()
    await n.pass(1000)
    assert.deepEqual(n.done(), RENEWAL)
  })

  test('leaves suspended what is suspended before it comes', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    n.interception.neverBegin()
    n.selfCheck = 'no answer'
    await n.pass(3000)
    n.selfCheck = null
    await n.pass(20_000)
    assert.equal(interceptionState.active, 0)
    assert.deepEqual(n.readiness.reasons, ['Interception is suspended'])
  })
})

describe('a suspension that follows another', () => {
  /** Has three checks fail; the turns that pass until interception begins again. */
  async function turnsAway(n: FakeNode): Promise<number> {
    n.selfCheck = 'no answer'
    await n.pass(3000)
    assert.equal(interceptionState.active, 0)
    n.selfCheck = null
    let turns = 0
    for (; interceptionState.active === 0; turns++) await n.pass(1000)
    return turns - 1
  }

  test('lasts longer', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    n.selfCheck = 'no answer'
    await n.pass(600_000)
    const suspended = n.log.lines.filter((line) => line.includes('is suspended')).length
    assert.ok(suspended > 5 && suspended < 10, `${suspended} times in ten minutes`)
  })

  test('lasts twice as long as the one before, five minutes at most, until a minute has gone well', async (t) => {
    const n = new FakeNode(t)
    await n.interception.start(false)
    for (const turns of [4, 8, 16, 32, 64, 128, 256, 300]) assert.equal(await turnsAway(n), turns)
    await n.pass(59_000)
    n.selfCheck = 'no answer'
    await n.pass(1000)
    n.selfCheck = null
    await n.pass(59_000)
    assert.equal(await turnsAway(n), 300)
    await n.pass(60_000)
    assert.deepEqual([await turnsAway(n), await turnsAway(n)], [4, 8])
  })
})

test('all queries are led here from the begin to the end of interception, but not on lo', async (t) => {
  const n = new FakeNode(t)
  assert.equal(n.interception.leadsAll, false)
  await n.interception.start(false)
  assert.equal(n.interception.leadsAll, true)
  await n.interception.withdraw()
  assert.equal(n.interception.leadsAll, false)
  const onLo = new FakeNode(t)
  onLo.kind = 'lo'
  await onLo.interception.start(false)
  assert.equal(onLo.interception.leadsAll, false)
  const noRules = new FakeNode(t, { rules: null })
  await noRules.interception.start(false)
  assert.equal(noRules.interception.leadsAll, false)
})

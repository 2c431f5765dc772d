import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../../src/plugins/health/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

const read = (lines: string): ReturnType<typeof readConfig> =>
  readConfig(directivesOf('health', lines))

test('a bare health directive listens on :8080, as CoreDNS does, without lameduck', () => {
  assert.deepEqual(read('health'), {
    address: ':8080',
    lameduck: 0,
    untilIdle: false,
  })
})

test('an address is honoured as it is written', () => {
  assert.equal(read('health :8080').address, ':8080')
  assert.equal(read('health 169.254.20.10:8080').address, '169.254.20.10:8080')
  assert.equal(read('health [fd00::10]:8080').address, '[fd00::10]:8080')
})

test('lameduck is a duration; of several directives the later overrules', () => {
  assert.equal(read('health {\nlameduck 5s\n}').lameduck, 5_000)
  assert.deepEqual(read('health :81 {\nlameduck 1m30s\n}\nhealth :82'), {
    address: ':82',
    lameduck: 90_000,
    untilIdle: false,
  })
})

test('lameduck may end early, and a later one without the words takes them back', () => {
  const { lameduck, untilIdle } = read('health {\nlameduck 30s until idle\n}')
  assert.deepEqual([lameduck, untilIdle], [30_000, true])
  const again = 'health {\nlameduck 30s until idle\nlameduck 5s\n}'
  assert.equal(read(again).untilIdle, false)
  assert.equal(read('health {\nlameduck 30s until idle\n}\nhealth :82').untilIdle, true)
})

const wrong = 'Error during parsing: Wrong argument count or unexpected line ending after'
for (const [lines, message] of [
  ['health 8080', 'Corefile:2 - plugin/health: address 8080: missing port in address'],
  ['health :1 :2', `plugin/health: Corefile:2 - ${wrong} ':2'`],
  ['health {\nlameduck\n}', `plugin/health: Corefile:3 - ${wrong} 'lameduck'`],
  ['health {\nlameduck 1s 2s\n}', `plugin/health: Corefile:3 - ${wrong} '2s'`],
  ['health {\nlameduck 1s until\n}', `plugin/health: Corefile:3 - ${wrong} 'until'`],
  ['health {\nlameduck 1s until noon\n}', `plugin/health: Corefile:3 - ${wrong} 'noon'`],
  ['health {\nlameduck 1s until idle now\n}', `plugin/health: Corefile:3 - ${wrong} 'now'`],
  ['health {\nlamed 1s\n}', `plugin/health: Corefile:3 - ${wrong} 'lamed'`],
  [
    'health {\nlameduck 5\n}',
    'Corefile:3 - plugin/health: unable to parse lameduck duration value: "5": ' +
      'time: missing unit in duration "5"',
  ],
] as const) {
  test(`refuses: ${lines.replaceAll('\n', ' ⏎ ')}`, () => {
    assert.throws(() => read(lines), { name: 'CorefileError', message })
  })
}

test('an address without a port gets one from the kernel, as in CoreDNS, and that is said', () => {
  const said: string[] = []
  const directives = directivesOf('health', 'health localhost:')
  assert.equal(readConfig(directives, (message) => void said.push(message)).address, 'localhost:0')
  assert.deepEqual(said, [
    "Corefile:2 - 'localhost:' has no port: the kernel chooses one that nobody knows",
  ])
})

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { check, renderCheck } from '../../src/commands/check.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

test('renderCheck() shows zones, listeners and plugins with all their lines', () => {
  const text = renderCheck([
    {
      keys: [
        { zone: 'cluster.local.', port: 5300 },
        { zone: 'in-addr.arpa.', port: 5300 },
      ],
      addresses: ['169.254.20.10', 'fd00::a'],
      stages: [
        { name: 'errors', stage: {} },
        { name: 'cache', stage: { describe: () => ['success 10', 'denial 20'] } },
        { name: 'forward', stage: { describe: () => ['to 10.96.0.11:53'] } },
      ],
    },
    { keys: [{ zone: '.', port: 53 }], addresses: [''], stages: [] },
  ])
  assert.equal(
    text,
    `cluster.local.:5300 in-addr.arpa.:5300
  listens on 169.254.20.10:5300 [fd00::a]:5300
    errors
    cache    success 10
             denial 20
    forward  to 10.96.0.11:53

.:53
  listens on :53`,
  )
})

test('check() compiles the Corefile and shows plugins in chain order, with the default port', (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  writeFileSync(path, 'a.test {\n  cache 30\n  reload 10s 0\n  bind 127.0.0.1\n  loop\n}\n')
  const text = check(path, 1053)
  assert.equal(text.startsWith(`${path} is valid: 1 server block\n\na.test.:1053\n`), true)
  const names = [...text.matchAll(/^ {4}(\w+)/gm)].map(([, name]) => name)
  assert.deepEqual(new Set(names), new Set(['reload', 'bind', 'loop', 'cache']))
  assert.deepEqual(names.slice(0, 2), ['reload', 'bind'])
  assert.match(text, /^ {2}listens on 127\.0\.0\.1:1053$/m)
  assert.match(text, /^ {4}reload +looks every 10s ± 0s$/m)
  assert.match(text, /^ {4}cache +zones a\.test\.\n +success /m)
})

test('check() refuses what serve would refuse', (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const refused = (text: string, message: string): void => {
    writeFileSync(path, text)
    assert.throws(() => check(path, 53), { message })
  }
  refused(
    '. {\n  reload 1s\n}\n',
    `${path}:2 - plugin/reload: interval value must be greater or equal to 2s`,
  )
  refused(
    '. {\n  bind 127.0.0.1\n}\n. {\n  bind 127.0.0.1\n}\n',
    `${path}:4 - cannot serve dns://.:53 on 127.0.0.1 - it is already defined`,
  )
})

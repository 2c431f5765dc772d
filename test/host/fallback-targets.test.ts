import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { FallbackTargets } from '../../src/host/fallback-targets.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

const FILE = 'kube-dns-pods.json'
const KNOWN =
  '[INFO] While dnslet is dead, pods of kube-dns answer at 169.254.20.10, fd00::10: 10.0.0.1'

interface Setting {
  readonly targets: FallbackTargets
  readonly log: LinesLog
  /** What DNS says from now on; null: it does not answer. */
  says: readonly string[] | null
}

function setting(stateDirectory: string | null): Setting {
  const log = new LinesLog()
  const made: Setting = {
    log,
    says: null,
    targets: new FallbackTargets({
      stateDirectory,
      lookUp: () =>
        made.says === null ? Promise.reject(new Error('no answer')) : Promise.resolve(made.says),
      orphans: ['169.254.20.10', 'fd00::10'],
      log,
    }),
  }
  return made
}

test('pods are kept in order, on disk, and the next process knows them at once', async (t) => {
  const folder = temporaryFolder(t)
  const first = setting(folder)
  assert.deepEqual(first.targets.known, [])
  first.says = ['10.244.1.11', '10.244.1.10', 'fd00::5']
  assert.equal(await first.targets.refresh(), true)
  assert.deepEqual(first.targets.known, ['10.244.1.10', '10.244.1.11', 'fd00::5'])
  assert.equal(statSync(join(folder, FILE)).mode & 0o777, 0o600)
  assert.deepEqual(setting(folder).targets.known, first.targets.known)
})

test('the same pods in another order are no change', async (t) => {
  const made = setting(temporaryFolder(t))
  made.says = ['10.0.0.2', '10.0.0.1']
  assert.equal(await made.targets.refresh(), true)
  made.says = ['10.0.0.1', '10.0.0.2']
  assert.equal(await made.targets.refresh(), false)
})

test('a dead DNS, and one that knows none, leave the last ones in place', async (t) => {
  const folder = temporaryFolder(t)
  const made = setting(folder)
  made.says = ['10.0.0.1']
  await made.targets.refresh()
  for (const says of [null, []]) {
    made.says = says
    assert.equal(await made.targets.refresh(), false)
    assert.deepEqual(made.targets.known, ['10.0.0.1'])
  }
  assert.equal(readFileSync(join(folder, FILE), 'utf8'), '["10.0.0.1"]')
  assert.deepEqual(made.log.lines, [KNOWN])
})

test('where none were ever found that is said once, with what it means', async () => {
  const made = setting(null)
  await made.targets.refresh()
  await made.targets.refresh()
  assert.deepEqual(made.log.lines, [
    '[WARNING] No pods of kube-dns are known: while dnslet is dead nobody answers at 169.254.20.10, ' +
      "fd00::10; the headless Service kube-dns-pods of dnslet's manifest names them",
  ])
})

test('once they are known that is said as well, the first time', async () => {
  const made = setting(null)
  await made.targets.refresh()
  for (const says of [['10.0.0.1'], ['10.0.0.1'], ['10.0.0.2']]) {
    made.says = says
    await made.targets.refresh()
  }
  assert.equal(made.log.lines.length, 2)
  assert.equal(made.log.lines[1], KNOWN)
})

test('without a state directory they are known to this process', async () => {
  const made = setting(null)
  made.says = ['10.0.0.1']
  assert.equal(await made.targets.refresh(), true)
  assert.deepEqual(made.targets.known, ['10.0.0.1'])
  assert.deepEqual(made.log.lines, [KNOWN])
})

test('a file that is no list of addresses is as good as none', (t) => {
  const folder = temporaryFolder(t)
  for (const text of ['', '{"a": 1}', '["10.0.0.1", 2]', '["10.0.0.1; drop"]', '["kube-dns"]']) {
    writeFileSync(join(folder, FILE), text)
    assert.deepEqual(setting(folder).targets.known, [], text)
  }
})

test('pods that cannot be kept are used all the same', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, FILE))
  const made = setting(folder)
  made.says = ['10.0.0.1']
  assert.equal(await made.targets.refresh(), true)
  assert.deepEqual(made.targets.known, ['10.0.0.1'])
  assert.match(made.log.lines.join(), /\[WARNING\] Cannot keep the pods of kube-dns in .*\.json: /)
})

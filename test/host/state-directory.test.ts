import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { checkStateDirectory, openStateDirectory } from '../../src/host/state-directory.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

const uid = process.geteuid!()

function mode(path: string): number {
  return statSync(path).mode & 0o777
}

describe('checkStateDirectory()', () => {
  test('makes a missing directory for this user alone', (t) => {
    const directory = join(temporaryFolder(t), 'state')
    assert.equal(checkStateDirectory(directory, uid), null)
    assert.equal(mode(directory), 0o700)
    assert.equal(checkStateDirectory(directory, uid), null, 'and takes it the next time')
  })

  test('says that there is none where none can be made', (t) => {
    assert.equal(checkStateDirectory(join(temporaryFolder(t), 'a', 'b'), uid), 'absent')
    assert.equal(checkStateDirectory('/proc/dnslet', uid), 'absent')
  })

  test('refuses a symbolic link, even to a safe directory', (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'real'), { mode: 0o700 })
    symlinkSync('real', join(folder, 'link'))
    assert.match(checkStateDirectory(join(folder, 'link'), uid)!, /symbolic link/)
  })

  test('refuses a file and what belongs to another user', (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'file'), '')
    assert.match(checkStateDirectory(join(folder, 'file'), uid)!, /is no directory/)
    assert.match(checkStateDirectory(folder, uid + 1)!, new RegExp(`belongs to user ${uid}, this`))
  })

  test('refuses a directory that others may use, and names the remedy', (t) => {
    const folder = temporaryFolder(t)
    for (const shared of [0o1777, 0o770, 0o702]) {
      chmodSync(folder, shared)
      const problem = checkStateDirectory(folder, uid)!
      assert.match(problem, new RegExp(`mode ${shared.toString(8)}.*chmod 700 ${folder}`))
      assert.equal(mode(folder), shared & 0o777, 'left alone')
    }
  })

  test('tightens a directory that the kubelet made, but none that is in use', (t) => {
    const folder = temporaryFolder(t)
    chmodSync(folder, 0o755)
    assert.equal(checkStateDirectory(folder, uid), null)
    assert.equal(mode(folder), 0o700)
    writeFileSync(join(folder, 'somebodys'), '')
    chmodSync(folder, 0o755)
    assert.match(checkStateDirectory(folder, uid)!, /others may use it/)
    assert.equal(mode(folder), 0o755)
  })
})

describe('openStateDirectory()', () => {
  const lines = new LinesLog()
  const open = (directory: string): string | null =>
    openStateDirectory({ DNSLET_STATE_DIR: directory }, lines)

  test('gives the directory, which is made where it is missing', (t) => {
    const directory = join(temporaryFolder(t), 'state')
    assert.equal(open(directory), directory)
    assert.equal(mode(directory), 0o700)
  })

  test('gives none where the variable is empty, and says why where it cannot be had', (t) => {
    assert.equal(open(''), null)
    assert.deepEqual(lines.lines, [])
    assert.equal(open(join(temporaryFolder(t), 'a', 'b')), null)
    assert.match(lines.lines.join(), /it does not exist and cannot be made/)
  })
})

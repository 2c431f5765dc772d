import assert from 'node:assert/strict'
import fs, {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

import {
  checkStateDirectory,
  type Identity,
  isMounted,
  openStateDirectory,
  type StateOptions,
} from '../../src/host/state-directory.ts'
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

test('a directory on a read-only volume is refused, and nothing else', (t) => {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o755)
  const refused = t.mock.method(fs, 'chmodSync', () => {
    throw new Error('EROFS: read-only file system')
  })
  syncBuiltinESMExports()
  t.after(() => {
    refused.mock.restore()
    syncBuiltinESMExports()
  })
  assert.match(checkStateDirectory(folder, uid)!, /others may use it \(mode 755\)/)
  assert.equal(refused.mock.callCount(), 1)
})

describe('openStateDirectory()', () => {
  const node: Identity = { networkNamespace: 'net:[1]', options: [['10.96.0.10'], 53] }
  const setting = (
    more: Partial<StateOptions> & { directory?: string },
  ): { opened: string | null; lines: string[] } => {
    const log = new LinesLog()
    const { directory, env = {}, ...rest } = more
    const named = directory === undefined ? {} : { DNSLET_STATE_DIR: directory }
    const given = { env: { ...env, ...named }, identity: node, needed: false, log, ...rest }
    return { opened: openStateDirectory(given), lines: log.lines }
  }

  test('gives a directory of its own in it, which is made where it is missing', (t) => {
    const directory = join(temporaryFolder(t), 'state')
    const { opened, lines } = setting({ directory })
    assert.equal(dirname(opened!), directory)
    assert.deepEqual([mode(directory), mode(opened!)], [0o700, 0o700])
    assert.deepEqual(lines, [])
    assert.equal(setting({ directory }).opened, opened, 'the same the next time')
  })

  test('gives dnslet of other addresses, or of another network, another one', (t) => {
    const directory = join(temporaryFolder(t), 'state')
    const opened = [
      node,
      { ...node, networkNamespace: 'net:[2]' },
      { ...node, options: [['10.96.0.10', '169.254.20.10'], 53] },
      { ...node, options: [['10.96.0.10'], 54] },
    ].map((identity) => setting({ directory, identity }).opened)
    assert.equal(new Set(opened).size, 4)
  })

  test("takes one that is everybody's, as kubelet makes an emptyDir, and is quiet", (t) => {
    const directory = temporaryFolder(t)
    chmodSync(directory, 0o1777)
    const { opened, lines } = setting({ directory })
    assert.equal(dirname(dirname(opened!)), directory)
    assert.equal(mode(dirname(opened!)), 0o700)
    assert.deepEqual(lines, [])
    // What somebody else has put there is not taken.
    rmSync(join(directory, String(uid)), { recursive: true })
    symlinkSync('/tmp', join(directory, String(uid)))
    const again = setting({ directory })
    assert.equal(again.opened, null)
    assert.match(again.lines.join(), /symbolic link/)
  })

  test('says what is lost where there is none, and how to get it', (t) => {
    const directory = join(temporaryFolder(t), 'a', 'b')
    const { opened, lines } = setting({ directory, needed: true })
    assert.equal(opened, null)
    assert.deepEqual(lines, [
      `[WARNING] Cannot keep state in ${directory}: it does not exist and cannot be made; no ` +
        'hand-over on updates, and no last good Corefile after a restart. Mount the hostPath ' +
        '/run/dnslet (DirectoryOrCreate) of the node there',
    ])
  })

  test('says so of one that is no volume of a pod, and goes with the container', (t) => {
    const directory = join(temporaryFolder(t), 'state')
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }
    const { opened, lines } = setting({ directory, env, needed: true })
    assert.notEqual(opened, null)
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    assert.equal(lines.length, isMounted(directory, mounts) ? 0 : 1)
    for (const line of lines) {
      assert.match(line, /of the container, which goes with it: no hand-over/)
    }
    assert.deepEqual(setting({ directory, needed: true }).lines, [], 'not in a pod')
  })

  test('isMounted() knows a volume by its mount point, or by that of a directory above', () => {
    const mounts = [
      '550 449 0:61 / / rw,relatime - overlay overlay rw',
      '551 550 0:64 / /proc rw - proc proc rw',
      '560 550 259:1 /run/dnslet /run/dnslet rw - xfs /dev/root rw',
      '561 550 259:1 /x /var/lib/a\\040b rw - xfs /dev/root rw',
      '',
    ].join('\n')
    const at = (directory: string): boolean => isMounted(directory, mounts)
    assert.deepEqual(['/run/dnslet', '/run/dnslet/0', '/var/lib/a b'].map(at), [true, true, true])
    assert.deepEqual(['/run', '/run/dnsletter', '/'].map(at), [false, false, false])
  })

  test('gives none, without a word, where the variable is empty', () => {
    assert.deepEqual(setting({ directory: '', needed: true }), { opened: null, lines: [] })
  })
})

// The state directory of a pod that is not root: an emptyDir, which kubelet makes for root and everybody.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { findTool } from '../helpers/debian.ts'
import { bin } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'
import { stateFile } from '../helpers/state.ts'

const NOBODY = 65_532
const skip =
  (process.getuid?.() !== 0 && 'needs root') || (findTool('setpriv') === null && 'needs setpriv')

describe("an emptyDir of a pod that is not root's", { skip }, () => {
  test('keeps the last good Corefile, and nothing is warned of', async (t) => {
    const folder = temporaryFolder(t)
    chownSync(folder, NOBODY, NOBODY)
    const state = temporaryFolder(t)
    chmodSync(state, 0o1777)
    assert.equal(statSync(state).uid, 0)
    const conf = join(folder, 'Corefile')
    const port = await freePort()
    const start = (owner: Owner): Running => {
      const rights = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
      const args = [...rights, bin, '-conf', conf, '-metrics-listen-address', '127.0.0.1:0']
      const env = {
        ...process.env,
        DNSLET_STATE_DIR: state,
        KUBERNETES_SERVICE_HOST: '10.96.0.1',
      }
      return startProcess(owner, 'setpriv', args, env)
    }
    writeFileSync(conf, `.:${port} {\n  bind 127.0.0.1\n  errors\n}\n`)
    const first = start(t)
    await waitUntil('it is kept', () => stateFile(state, 'last-good.json') !== null, first)
    const file = statSync(stateFile(state, 'last-good.json')!)
    assert.deepEqual([file.uid, file.mode & 0o777], [NOBODY, 0o600])
    await first.stop()
    // Here the directory is on the root's own file system, perhaps, which a volume is not.
    const warnings = first
      .output()
      .split('\n')
      .filter((line) => /"level":"(warning|error)"/.test(line))
      .filter((line) => !line.includes('of the container, which goes with it'))
    assert.deepEqual(warnings, [])
    writeFileSync(conf, '.:53 {\n  no-such-plugin\n}\n')
    const second = start(t)
    const serves = (): boolean => /last good one.*is served/.test(second.output())
    await waitUntil('the last good one', serves, second)
    assert.equal(second.ended(), null)
  })
})

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { cleanup } from '../../src/commands/cleanup.ts'
import { announcePresence } from '../../src/host/presence.ts'
import { libc } from '../../src/sys/libc.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { enterOwnNetwork } from '../helpers/own-network.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'

// A network of our own, in which nobody else serves and nobody minds rules and links.
const skip = enterOwnNetwork() || (libc().libc === null && 'needs koffi')

const options = { addresses: ['127.0.0.1'], port: 53, interfaceName: 'nodelocaldns' }

describe('cleanup()', { skip }, () => {
  test('gives up after a minute where somebody serves on, and names it', async (t) => {
    const code = "require('net').createServer().listen(53, '127.0.0.1', () => console.log('bound'))"
    const server = startProcess(t, process.execPath, ['-e', code])
    await waitUntil('the server is bound', () => server.output().includes('bound'), server)
    const said: string[] = []
    const pauses: number[] = []
    const pause = (ms: number): Promise<void> => Promise.resolve(void pauses.push(ms))
    const env = { ...process.env, DNSLET_STATE_DIR: temporaryFolder(t) }
    await assert.rejects(cleanup(options, { env, pause, say: (line) => said.push(line) }), {
      code: 'E_IN_USE',
      message: new RegExp(
        `^Cannot clean up: process ${server.pid} .* listens on 127\\.0\\.0\\.1; delete its DaemonSet first$`,
      ),
    })
    assert.deepEqual(
      pauses,
      Array.from({ length: 59 }, () => 1_000),
    )
    assert.equal(said.length, 1)
    assert.match(said[0]!, /^Waiting for its end: process \d+ /)
  })

  test('leaves state and rules to a dnslet of other addresses', async (t) => {
    const other = { addresses: ['169.254.25.10'], port: 53, interfaceName: 'nodelocaldns' }
    const announced = await announcePresence({ ...other, scope: '' })
    t.after(() => announced?.stop())
    const state = temporaryFolder(t)
    mkdirSync(join(state, '0123456789ab'))
    const said: string[] = []
    const env = { ...process.env, DNSLET_STATE_DIR: state }
    await cleanup(options, { env, say: (line) => said.push(line) })
    assert.deepEqual(said, [
      'There are no leftovers of dnslet or node-cache on this node, but for those of a dnslet that ' +
        'serves other addresses',
    ])
    // Without -localip that one counts as well.
    const pause = (): Promise<void> => Promise.resolve()
    await assert.rejects(cleanup({ ...options, addresses: [] }, { env, pause, say: () => {} }), {
      message: /a dnslet serves 169\.254\.25\.10/,
    })
  })
})

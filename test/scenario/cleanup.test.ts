// `dnslet cleanup` after dnslet is deleted: nothing of it, or of a node-cache before it, is left.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'

import { bin } from '../helpers/dnslet.ts'
import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel } from '../helpers/node-model/node-model.ts'
import { signal } from '../helpers/node-model/scenario.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const HIDE_TUN = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh']

describe('dnslet cleanup', { skip: requireNodeModel() }, () => {
  for (const [how, wrapper] of [
    ['with TUN', []],
    ['with the addresses on lo', HIDE_TUN],
  ] as const) {
    test(`${how}: waits for the end of dnslet, then leaves nothing of it`, async (t) => {
      const model = await NodeModel.create(t)
      const args = model.nodeCacheArgs()
      const dnslet = await model.startDnslet(args, { wrapper, ready: false })
      await waitUntil('it intercepts', () => /are intercepted/.test(dnslet.output()), dnslet)
      const known = (): boolean => dnslet.output().includes('pods of kube-dns answer at')
      await waitUntil('it knows the pods', known, dnslet)
      const env = { ...process.env, DNSLET_STATE_DIR: model.stateFolder }
      const cleanup = model.spawn('node', [bin, 'cleanup', '-localip', `${LINK_LOCAL},${VIP}`], env)
      await waitUntil('it waits', () => cleanup.output().includes('Waiting for its end'), cleanup)
      assert.match(cleanup.output(), /a dnslet serves 169\.254\.20\.10, 10\.96\.0\.10/)
      signal(dnslet.pid, 'SIGKILL')
      await waitUntil('the end of it', () => cleanup.ended() !== null)
      assert.equal(cleanup.ended(), 0, cleanup.output())
      assert.match(cleanup.output(), /Removed table inet dnslet\n/)
      assert.match(
        cleanup.output(),
        /There are no leftovers of dnslet or node-cache on this node\n/,
      )
      const ruleset = await model.exec('node', ['nft', 'list', 'ruleset'])
      assert.doesNotMatch(ruleset.output, /dnslet|NodeLocal|169\.254\.20\.10/)
      const { output } = await model.exec('node', ['ip', 'address'])
      assert.doesNotMatch(output, /nodelocaldns|169\.254\.20\.10|10\.96\.0\.10/)
      assert.equal(existsSync(model.stateFolder), false)
      for (const place of ['pod', 'node'] as const) {
        assert.match((await model.whoAnswers(place, VIP)) ?? 'nobody', /^kube-dns-/)
      }
      const again = model.spawn('node', [bin, 'cleanup', '-localip', `${LINK_LOCAL},${VIP}`], env)
      await waitUntil('the end of the second', () => again.ended() !== null)
      assert.equal(again.ended(), 0)
      assert.doesNotMatch(again.output(), /Removed/)
    })
  }
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterLookup } from '../../src/source/cluster-lookup.ts'
import { requireTools } from '../helpers/debian.ts'
import { startNsd } from '../helpers/nsd.ts'

const zone =
  '@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n' +
  'four 60 IN A 192.0.2.1\nboth 60 IN A 192.0.2.2\nboth 60 IN AAAA fd00::2\nsix 60 IN AAAA fd00::3\n'

describe('clusterLookup()', { skip: requireTools('nsd') }, () => {
  test('asks the kube-dns of the environment for both families', async (t) => {
    const { address, port } = await startNsd(t, { 'test.': zone })
    const env = { KUBE_DNS_SERVICE_HOST: address, KUBE_DNS_SERVICE_PORT: String(port) }
    const lookup = clusterLookup(env, ['169.254.20.10'])
    assert.deepEqual(await lookup('four.test'), ['192.0.2.1'])
    assert.deepEqual(await lookup('both.test'), ['192.0.2.2', 'fd00::2'])
    assert.deepEqual(await lookup('six.test'), ['fd00::3'])
    await assert.rejects(lookup('none.test'), /ENOTFOUND/)
  })
})

test('without an address of kube-dns nobody is asked', async () => {
  for (const local of [[], ['169.254.20.10', 'fe80::1']]) {
    await assert.rejects(clusterLookup({}, local)('a.test'), /no address of kube-dns is known/)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { detectIpvs } from '../../src/host/kube-proxy.ts'
import { libc } from '../../src/sys/libc.ts'
import { Rtnetlink } from '../../src/sys/rtnetlink.ts'
import { enterOwnNetwork, ip } from '../helpers/own-network.ts'

const skip = enterOwnNetwork() || false

test('detectIpvs() tells which addresses kube-proxy holds in IPVS mode', { skip }, (t) => {
  const rtnetlink = new Rtnetlink(libc().libc!)
  t.after(() => rtnetlink.close())
  const addresses = ['169.254.20.10', 'fd00:96::a', '10.96.0.10']
  assert.deepEqual(detectIpvs(rtnetlink, addresses), [])

  // The kernel may lack dummies, of which kind the real one is: a bridge holds addresses as well.
  ip('link add kube-ipvs0 type bridge')
  assert.deepEqual(detectIpvs(rtnetlink, addresses), [])
  ip('address add 10.96.0.1/32 dev kube-ipvs0')
  ip('address add 10.96.0.10/32 dev kube-ipvs0')
  assert.deepEqual(detectIpvs(rtnetlink, addresses), ['10.96.0.10'])
  ip('-6 address add fd00:96::a/128 dev kube-ipvs0 nodad')
  assert.deepEqual(detectIpvs(rtnetlink, addresses), ['fd00:96::a', '10.96.0.10'])

  // Held by somebody else, they tell nothing about kube-proxy.
  ip('link set kube-ipvs0 name other0')
  assert.deepEqual(detectIpvs(rtnetlink, addresses), [])
})

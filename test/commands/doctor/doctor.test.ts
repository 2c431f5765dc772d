// `doctor()` in a network of its own, where there is nothing; and kube-proxy's mode by what it leaves.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { doctor } from '../../../src/commands/doctor/index.ts'
import { kubeProxyFacts } from '../../../src/commands/doctor/kube-proxy-facts.ts'
import { ProgramError } from '../../../src/host/programs.ts'
import type { NetworkView } from '../../../src/host/readings/links.ts'
import type { RuleListing } from '../../../src/host/readings/rule-listing.ts'
import type { DoctorOptions } from '../../../src/options/doctor-options.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { enterOwnNetwork } from '../../helpers/own-network.ts'
import { type Script, scriptedPrograms } from '../../helpers/scripted-programs.ts'
import { healthyFacts, LOCAL, VIP } from './healthy-facts.ts'

const skip = enterOwnNetwork() || false
const options: DoctorOptions = {
  json: false,
  socket: '',
  addresses: ['127.0.0.1'],
  upstream: { host: '127.0.0.1', port: 53 },
  name: null,
  quick: false,
}

describe('doctor()', { skip }, () => {
  test('says that there is no dnslet, and asks whom it was told to', async (t) => {
    const said: string[] = []
    const parts = {
      env: { DNSLET_STATE_DIR: temporaryFolder(t) },
      say: (text: string) => void said.push(text),
      programs: scriptedPrograms({}),
      watchMs: 0,
    }
    assert.equal(await doctor(options, { ...parts, terminal: { columns: 70 } }), 2)
    const [text = ''] = said
    assert.match(text, /BROKEN.*Interception: no dnslet intercepts on this node/)
    assert.match(text, /Upstream: 127\.0\.0\.1:53 refuses connections/)
    assert.ok(text.includes('\x1b['))
    await doctor({ ...options, quick: true }, { ...parts, terminal: null })
    assert.ok(!said[1]!.includes('\x1b[') && !said[1]!.includes('Upstream: '))
    await doctor({ ...options, quick: true, json: true }, { ...parts, terminal: null })
    assert.equal((JSON.parse(said[2]!) as { exitStatus: number }).exitStatus, 2)
  })
})

describe('kubeProxyFacts()', () => {
  const rules: RuleListing = {
    nft: { value: [] },
    iptables: { value: [] },
    kubeProxyTable: false,
    programs: [],
  }
  const { value: view } = healthyFacts().network as { value: NetworkView }
  const of = (changes: Partial<RuleListing>, network: NetworkView = view, script: Script = {}) =>
    kubeProxyFacts({
      programs: scriptedPrograms(script),
      rules: { ...rules, ...changes },
      network: { value: network },
      addresses: [LOCAL, VIP, '127.0.0.9'],
      port: 53,
    })
  const used = {
    backend: { kind: 'nft', ipv4: 'iptables-nft', ipv6: 'ip6tables-nft' },
    ours: 0,
    nodeCache: 0,
    unconditional: [],
    packets: null,
    usedByKubernetes: true,
    hasServices: true,
  } as const

  test('tells its mode, and whom it does not serve', async () => {
    assert.deepEqual(await of({}), { mode: { value: 'none' }, unserved: [VIP], heldByIpvs: [] })
    assert.deepEqual((await of({ kubeProxyTable: true })).mode, { value: 'nftables' })
    assert.deepEqual((await of({ iptables: { value: [used] } })).mode, { value: 'iptables' })
    const nft = new ProgramError('E_PROGRAM_UNHEARD', 'Cannot run nft: killed')
    const hung = await of({ iptables: { value: [used] } }, view, { nft })
    const unheard = { why: 'Cannot run nft: killed', code: 'E_PROGRAM_UNHEARD' }
    assert.deepEqual([hung.mode, hung.unserved], [unheard, []])
    const ipvs = await of({}, { ...view, held: new Map([['kube-ipvs0', [VIP]]]) })
    assert.deepEqual(ipvs, { mode: { value: 'ipvs' }, unserved: [], heldByIpvs: [VIP] })
  })

  test('says why it is not to be seen', async () => {
    const why = { why: 'not root' }
    assert.deepEqual((await of({ iptables: why })).mode, why)
    assert.deepEqual((await of({ nft: why })).mode, why)
  })
})

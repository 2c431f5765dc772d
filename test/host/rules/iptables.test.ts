import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { ProgramError } from '../../../src/host/programs.ts'
import { Iptables } from '../../../src/host/rules/iptables.ts'
import type { IptablesRule } from '../../../src/host/rules/iptables-plan.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { scriptedPrograms, type Script } from '../../helpers/scripted-programs.ts'

const used = { kind: 'nft', ipv4: 'iptables-nft', ipv6: 'ip6tables-nft' } as const
const legacy = { kind: 'legacy', ipv4: 'iptables-legacy', ipv6: 'ip6tables-legacy' } as const

function rule(ipv6: boolean): IptablesRule {
  return { ipv6, table: 'raw', chain: 'OUTPUT', spec: '-p udp -j NOTRACK', purpose: 'test' }
}

function make(script: Script): { iptables: Iptables; ran: string[]; said: string[] } {
  const programs = scriptedPrograms(script)
  const said: string[] = []
  const log = {
    ...nullLog,
    warning: (message: string) => void said.push(message),
    info: (message: string) => void said.push(message),
  }
  const iptables = new Iptables(programs, { used, others: [legacy] }, log)
  return { iptables, ran: programs.ran, said }
}

describe('Iptables', () => {
  const ipv4 = { 'iptables-nft-save': '*raw\nCOMMIT', 'iptables-nft-restore': '' }

  test('needs no program of a family without rules', async () => {
    const { iptables, ran } = make(ipv4)
    assert.deepEqual(await iptables.apply([rule(false)]), ['missing: raw OUTPUT -p udp -j NOTRACK'])
    assert.ok(ran.includes('iptables-nft-restore -w 5 -n'))
    assert.ok(!ran.includes('ip6tables-nft-restore -w 5 -n'))
    await assert.rejects(iptables.apply([rule(true)]), { code: 'E_NO_PROGRAM' })
  })

  test('fails where the rules cannot be listed', async () => {
    const denied = new ProgramError('E_PROGRAM', 'Cannot run iptables-nft-save: denied')
    await assert.rejects(make({ 'iptables-nft-save': denied }).iptables.apply([]), denied)
  })

  test('warns where rules of node-cache could be, and it may not look', async () => {
    const denied = new ProgramError('E_PROGRAM', 'Cannot run iptables-legacy-save: denied')
    const { iptables, said } = make({ ...ipv4, 'iptables-legacy-save': denied })
    await iptables.install([rule(false)])
    assert.equal(said.length, 1)
    assert.match(said[0]!, /^Cannot look for rules left in iptables-legacy: .*denied; .*NET_RAW/)
  })

  test('tells how many rules it has removed', async () => {
    const old = '-A OUTPUT -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j NOTRACK'
    const { iptables, said } = make({ ...ipv4, 'iptables-nft-save -t raw': `*raw\n${old}\n${old}` })
    await iptables.install([])
    assert.match(said.join(), /^Removed 2 packet rules that node-cache/)
  })

  test('changes nothing where no iptables is installed', async () => {
    const programs = scriptedPrograms({})
    const iptables = new Iptables(programs, { used: null, others: [] }, nullLog)
    assert.deepEqual(await iptables.apply([rule(false)]), [])
    assert.deepEqual(programs.ran, [])
  })
})

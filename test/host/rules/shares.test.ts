import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fallbackRules } from '../../../src/host/rules/iptables-plan.ts'
import { fallbackUpdate } from '../../../src/host/rules/nft-ruleset.ts'
import type { Plan } from '../../../src/host/rules/rules.ts'

const family = {
  ipv6: false,
  addresses: ['169.254.20.10'],
  orphans: ['169.254.20.10'],
  targets: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
}
const plan: Plan = {
  families: [family],
  port: 53,
  healthPort: 8080,
  interception: 'local',
  uplinks: [],
  scope: '',
  fallbackUntil: null,
}

/** What part of all each rule gets, where it gets `odds` of those that the rules before it have left. */
function parts(odds: readonly number[]): number[] {
  let left = 1
  return odds.map((odd) => {
    const part = left * odd
    left -= part
    return Math.round(part * 1000) / 1000
  })
}

test('each pod of kube-dns is as likely, with nft and with iptables', () => {
  const nft = fallbackUpdate(plan)
    .split('\n')
    .filter((line) => line.includes(' dnat '))
    .map((line) => 1 / Number(/ random mod (\d+) 0 /.exec(line)?.[1] ?? 1))
  const iptables = fallbackRules(plan)
    .filter(({ chain, spec }) => chain === 'PREROUTING' && spec.includes('-p udp'))
    .map(({ spec }) => Number(/ --probability (\S+) /.exec(spec)?.[1] ?? 1))
  assert.deepEqual([parts(nft), parts(iptables)], Array(2).fill([0.333, 0.333, 0.333]))
})

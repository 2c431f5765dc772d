import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { ProgramError } from '../../../src/host/programs.ts'
import {
  findBackends,
  lockFileEnvironment,
  saveCommand,
} from '../../../src/host/rules/iptables-backend.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { scriptedPrograms, type Script } from '../../helpers/scripted-programs.ts'

const nft = { kind: 'nft', ipv4: 'iptables-nft', ipv6: 'ip6tables-nft' } as const
const legacy = { kind: 'legacy', ipv4: 'iptables-legacy', ipv6: 'ip6tables-legacy' } as const
const kubelet = '*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT'
const empty = '*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT'
const rule = '-A INPUT -i lo -j ACCEPT'
const ours = [
  '-A INPUT -d 192.0.2.1/32 -m comment --comment "dnslet: allow DNS traffic" -j ACCEPT',
  '-A OUTPUT -s 192.0.2.1/32 -m comment --comment "NodeLocal DNS Cache: allow DNS traffic" -j ACCEPT',
  '-A OUTPUT -s 192.0.2.2/32 -m comment --comment "dnslet@0a1b: allow DNS traffic" -j ACCEPT',
].join('\n')
const forbidden = new ProgramError(
  'E_PROGRAM',
  'Cannot run iptables-legacy-save: Permission denied',
)

describe('findBackends()', () => {
  const cases: [what: string, script: Script, used: unknown, others: unknown[]][] = [
    [
      'the one with more rules where nobody left a trace',
      {
        'iptables-nft-save': ours,
        'ip6tables-nft-save': rule,
        'iptables-legacy-save': `${rule}\n${rule}`,
        'ip6tables-legacy-save': '',
      },
      legacy,
      [nft],
    ],
    [
      'nft where both have as many',
      {
        'iptables-nft-save': rule,
        'ip6tables-nft-save': '',
        'iptables-legacy-save': `${ours}\n${rule}`,
        'ip6tables-legacy-save': forbidden,
      },
      nft,
      [legacy],
    ],
    ['nft without a trace', { 'iptables-nft-save': '', 'iptables-legacy-save': '' }, nft, [legacy]],
    [
      'the one with chains of kubelet',
      { 'iptables-nft-save': empty, 'iptables-legacy-save': kubelet },
      legacy,
      [nft],
    ],
    [
      'the one with chains of kube-proxy',
      { 'iptables-nft-save -t nat': ':KUBE-SERVICES - [0:0]', 'iptables-nft-save': '' },
      nft,
      [],
    ],
    [
      'nft where legacy is forbidden',
      {
        'iptables-nft-save': '',
        'iptables-legacy-save': forbidden,
        'iptables-legacy-save -V': 'v1',
      },
      nft,
      [legacy],
    ],
    [
      'the only one there is, whatever its name',
      { 'iptables-save': 'iptables-save v1.8.11 (nf_tables)' },
      { kind: 'nft', ipv4: 'iptables', ipv6: 'ip6tables' },
      [],
    ],
    [
      'an old one, which has but one',
      { 'iptables-save': 'iptables-save v1.6.1' },
      { kind: 'legacy', ipv4: 'iptables', ipv6: 'ip6tables' },
      [],
    ],
    ['none where none is installed', {}, null, []],
  ]
  for (const [what, script, used, others] of cases) {
    test(`uses ${what}`, async () => {
      assert.deepEqual(await findBackends(scriptedPrograms(script)), { used, others })
    })
  }

  test('fails where a program is broken', async () => {
    const programs = scriptedPrograms({ 'iptables-nft-save': forbidden })
    await assert.rejects(findBackends(programs), forbidden)
  })
})

test('saveCommand() asks iptables-legacy for no table by name, which would make it', () => {
  assert.deepEqual(saveCommand(nft, true, 'raw'), ['ip6tables-nft-save', ['-t', 'raw']])
  assert.deepEqual(saveCommand(legacy, false, 'raw'), ['iptables-legacy-save', []])
})

test('lockFileEnvironment() names a lock of our own where the common one is not writable', async (t) => {
  const folder = temporaryFolder(t)
  const common = join(folder, 'common')
  assert.deepEqual(await lockFileEnvironment(folder, common), {
    XTABLES_LOCKFILE: join(folder, 'xtables.lock'),
  })
  writeFileSync(common, '')
  assert.deepEqual(await lockFileEnvironment(folder, common), {})
})

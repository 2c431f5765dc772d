import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ProgramError } from '../../../src/host/programs.ts'
import { chooseRules } from '../../../src/host/rules/choose-rules.ts'
import type { RulesParts } from '../../../src/host/rules/rules.ts'
import { Descriptors } from '../../../src/sys/descriptors.ts'
import { libc } from '../../../src/sys/libc.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { scriptedPrograms, type Script } from '../../helpers/scripted-programs.ts'

const library = libc().libc
const skip = library === null ? libc().reason : false

function parts(script: Script, warnings: string[] = []): RulesParts {
  return {
    libc: library!,
    descriptors: new Descriptors(),
    log: { ...nullLog, warning: (message) => void warnings.push(message) },
    programs: scriptedPrograms(script),
    addresses: ['10.96.0.10'],
    orphans: [],
    port: 53,
    healthPort: 8080,
    interception: 'local',
    uplinks: () => Promise.resolve([]),
  }
}

test('chooseRules() says so where there is neither nft nor iptables', { skip }, async () => {
  const message =
    'Cannot make packet rules: Cannot run nft: ENOENT, and iptables is not installed; ' +
    'install nftables or iptables'
  await assert.rejects(chooseRules(parts({})), { code: 'E_NO_RULES', message })
})

test('chooseRules() takes nft alone, and warns of firewalls', { skip }, async () => {
  const warnings: string[] = []
  const rules = await chooseRules(parts({ nft: '' }, warnings))
  assert.equal(rules.kind, 'nft')
  assert.match(warnings.join(), /^iptables is not installed: a firewall/)
})

test('chooseRules() takes iptables where the kernel refuses the table', { skip }, async () => {
  const nft = new ProgramError('E_PROGRAM', 'Cannot run nft -c -f -: Operation not supported\n^^^')
  const warnings: string[] = []
  const rules = await chooseRules(parts({ nft, 'iptables-save': '(nf_tables)' }, warnings))
  assert.equal(rules.kind, 'iptables')
  assert.equal(rules.lease, 'address')
  const reason = 'Cannot run nft -c -f -: Operation not supported'
  assert.deepEqual(warnings, [`Packet rules are made with iptables: ${reason}`])
})

test(
  'chooseRules() asks for a socket where nothing else would end interception',
  { skip },
  async () => {
    const script = { 'iptables-save': '(nf_tables)' }
    assert.equal((await chooseRules(parts(script))).leadsAll, true)
    const warnings: string[] = []
    const rules = await chooseRules(parts(script, warnings), true)
    assert.equal(rules.leadsAll, false)
    assert.match(
      warnings.at(-1) ?? '',
      /^The addresses are somebody else's and nft is not to be had/,
    )
    assert.equal((await chooseRules(parts({ nft: '' }), true)).leadsAll, true)
  },
)

test(
  'chooseRules() says where the fall-back of iptables does not end by itself',
  { skip },
  async () => {
    const script = { 'iptables-save': '(nf_tables)' }
    const tried = async (more: Script): Promise<string> => {
      const warnings: string[] = []
      await chooseRules({ ...parts({ ...script, ...more }, warnings), orphans: ['169.254.20.10'] })
      return warnings.slice(1).join()
    }
    const refused = new ProgramError('E_PROGRAM', 'Cannot run iptables-restore: no chain\nand more')
    assert.match(
      await tried({ 'iptables-restore': refused }),
      /^Rules that lead .* cannot be given an end: Cannot run iptables-restore: no chain$/,
    )
    assert.equal(await tried({ 'iptables-restore': '' }), '')
  },
)

// The runbook has a section for each alert, in one form, with commands and expressions that are real.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { parseArgs } from '../../src/options/options.ts'
import { requireTools } from '../helpers/debian.ts'
import { known, selectorsOf } from './expressions.ts'
import { alerts, folder, promtool } from './promtool.ts'

const text = readFileSync(join(folder, '../../docs/runbook.md'), 'utf8')

const sections: ReadonlyMap<string, string> = new Map(
  text
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.split('\n')[0]!, section.split(/^## /m)[0]!]),
)

/** Lines of the fenced blocks in this language, without comments and prompts. */
function fenced(markdown: string, language: string): string[] {
  const blocks = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))
  return [...blocks].flatMap(([, block = '']) => block.trim().split('\n'))
}

test('each alert has its section, and each section its alert', () => {
  assert.deepEqual([...sections.keys()].toSorted(), alerts.map(({ alert }) => alert).toSorted())
})

describe('each section', () => {
  for (const [name, section] of sections) {
    test(`${name} says what it means, who notices, where to look, why, and when it is over`, () => {
      for (const part of ['**Means:**', '**Users notice**', '**Cause', '**Over when**'])
        assert.ok(section.includes(part), part)
      assert.ok(fenced(section, 'sh').length > 0, 'a command to begin with')
    })
  }
})

/** Programs of commands, and what follows them. */
const programs: Readonly<Record<string, RegExp>> = {
  dig: /^(\+tcp )?@[\d.]+ [\w.]+$/,
  ls: /^-l \/dev\/net\/tun$/,
  modprobe: /^tun$/,
  ss: /^-lnup sport = 53$/,
}

/** What the verbs of kubectl take that are used here: flags, and words behind them. */
const verbs: Readonly<Record<string, { flags: RegExp; words: RegExp }>> = {
  delete: { flags: /^$/, words: /^\$pod$/ },
  describe: { flags: /^$/, words: /^\$pod$/ },
  exec: { flags: /^$/, words: /^\$pod -- (dnslet|nft list ruleset)/ },
  get: {
    flags:
      /^(-l k8s-app=[\w-]+|-o (name|yaml|wide|(jsonpath|custom-columns)=\S+)|--all-namespaces|--field-selector spec.nodeName=\$node)$/,
    words:
      /^(\$pod|node \$node|(pods|endpointslices|daemonset|podmonitors.monitoring.coreos.com)(,pods|,endpointslices)*|service kube-dns-upstream|configmap (node-local-dns|kube-dns|kube-proxy)( kube-dns)?)$/,
  },
  logs: { flags: /^(--since=\d+[mh]|--previous)$/, words: /^\$pod$/ },
  rollout: { flags: /^--timeout=\d+s$/, words: /^status daemonset node-local-dns$/ },
  top: { flags: /^(-l k8s-app=[\w-]+|--containers)$/, words: /^(pods|node \$node)$/ },
}

/** What is wrong with a kubectl command; '' where nothing is. */
function problemOf(command: string): string {
  // Quotes are the shell's: no word of ours has a space.
  const plain = command.replaceAll("'", '')
  const [, verb = '', tail = ''] = /^(?:-n kube-system )?(\w+) (.*)$/.exec(plain) ?? []
  const { flags, words } = verbs[verb] ?? { flags: /^$/, words: /^$/ }
  const given =
    verb === 'exec' ? [] : [...tail.matchAll(/(?:^| )(-[lo] \S+|--field-selector \S+|--\S+)/g)]
  const bad = given.find(([, flag = '']) => !flags.test(flag))
  if (bad !== undefined) return `${verb} does not take ${bad[1]}`
  const rest = given.reduce((left, [flag]) => left.replace(flag, ''), tail).trim()
  return words.test(rest) ? '' : `${verb || 'no verb'}: ${rest}`
}

/** Commands of dnslet that ask the running daemon: each has flags of its own. */
const asked = ['doctor', 'explain', 'top']

/** Throws where the command does not take these arguments. */
async function readAsked(command: string, args: readonly string[]): Promise<void> {
  const file = join(folder, `../../src/options/${command}-options.ts`)
  if (!existsSync(file)) return
  const options = (await import(file)) as Record<string, (argv: readonly string[]) => object>
  options[`${command}Options`]!(args)
}

describe('commands', () => {
  const lines = fenced(text, 'sh').map((line) => line.replace(/ +#.*$/, ''))

  test('are of programs that are there, and take what they are given', () => {
    assert.ok(lines.length > 40)
    for (const line of lines.map((one) => one.replace(/^pod=\$\((.*)\)$/, '$1'))) {
      if (/^node=[\w-]+$/.test(line)) continue
      const [program = '', ...rest] = line.split(' ')
      if (program === 'kubectl') assert.equal(problemOf(rest.join(' ')), '', line)
      else assert.match(rest.join(' '), programs[program] ?? /^$/, line)
    }
  })

  test('with a mistake are found', () => {
    for (const command of [
      '-n kube-system gets pods',
      '-n kube-system get pods --fieldselector spec.nodeName=$node',
      '-n kube-system get service kube-dns-upstreams',
      '-n kube-system logs $pod --since=1',
      '-n kube-system exec $pod dnslet doctor',
      '-n kube-system top $pod',
    ])
      assert.notEqual(problemOf(command), '', command)
  })

  test('of dnslet exist, with their flags', async () => {
    const ours = lines.flatMap((line) => /-- dnslet (.*)$/.exec(line)?.[1] ?? [])
    assert.ok(ours.length > 10)
    for (const line of ours) {
      const [command = '', ...args] = line.split(' ')
      if (asked.includes(command)) await readAsked(command, args)
      else assert.notEqual(parseArgs([command, ...args]).kind, 'usage-error', line)
    }
  })
})

describe('expressions', () => {
  const lines = fenced(text, 'promql')

  test('name metrics of the job that exist', () => {
    assert.ok(lines.length >= 10)
    for (const line of lines)
      for (const { name, matchers } of selectorsOf(line)) {
        assert.ok(known.has(name), line)
        assert.equal(matchers[0]?.label, 'job', line)
      }
  })

  test('are ones that Prometheus reads', { skip: requireTools('promtool') }, async (t) => {
    const rules = lines.map((expr, i) => ({ record: `expression_${i}`, expr }))
    const { passed, output } = await promtool(t, ['check', 'rules', 'r.yml'], {
      'r.yml': { groups: [{ name: 'all', rules }] },
    })
    assert.ok(passed, output)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../../src/plugins/view/config.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'

const accepted: readonly (readonly [body: string, conditions: readonly string[]])[] = [
  ['view a', []],
  ['view a {\n}', []],
  ["view a {\n expr name() == 'example.com.'\n}", ["name() == 'example.com.'"]],
  [
    "view a {\n expr incidr(client_ip(),   '10.0.0.0/24')\n expr do() && id() > 3\n}",
    ["incidr(client_ip(), '10.0.0.0/24')", 'do() && id() > 3'],
  ],
  ["view a {\n expr type() in ['A', 'AAAA']\n}", ["type() in ['A', 'AAAA']"]],
  ['view a {\n expr "name() == \'a b\'"\n}', ["name() == 'a b'"]],
  [
    "view a {\n expr metadata('kubernetes/client-namespace') != ''\n}",
    ["metadata('kubernetes/client-namespace') != ''"],
  ],
]

for (const [body, conditions] of accepted) {
  test(`accepts ${JSON.stringify(body)}`, () => {
    const config = readConfig(directivesOf('view', body), assert.fail)
    assert.equal(config.name, 'a')
    assert.deepEqual(
      config.conditions.map(({ text }) => text),
      conditions,
    )
  })
}

const parsing = 'Corefile:2 - Error during parsing: '
const refused: readonly (readonly [body: string, problem: string])[] = [
  ['view', `plugin/view: ${parsing}Wrong argument count or unexpected line ending after 'view'`],
  ['view a b', `plugin/view: ${parsing}Wrong argument count or unexpected line ending after 'b'`],
  [
    'view a {\n foo bar\n}',
    "plugin/view: Corefile:3 - Error during parsing: unknown property 'foo'",
  ],
  ['view a {\n}\nview b {\n}', 'plugin/view: this plugin can only be used once per Server Block'],
  ['view a {\n expr\n}', 'Corefile:3 - plugin/view: unexpected token EOF (1:1)'],
  ['view a {\n expr invalid expression\n}', 'Corefile:3 - plugin/view: unexpected token'],
  ['view a {\n expr "nobody()"\n}', 'Corefile:3 - plugin/view: unknown name nobody (1:1)'],
  ['view a {\n expr name() == 5\n}', 'Corefile:3 - plugin/view: invalid operation'],
  ["view a {\n expr incidr('a')\n}", 'Corefile:3 - plugin/view: not enough arguments'],
  ["view a {\n expr name() matches '('\n}", 'Corefile:3 - plugin/view: '],
  ["view a {\n expr 'a' +\n expr 'b' +\n}", 'Corefile:3 - plugin/view: '],
]

for (const [body, problem] of refused) {
  test(`refuses ${JSON.stringify(body)}`, () => {
    const said = messageOf(() => readConfig(directivesOf('view', body)))
    assert.ok(said?.includes(problem), said)
  })
}

test('warns of an expression that can never be true', () => {
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  readConfig(directivesOf('view', 'view a {\n expr name()\n expr 1\n expr true\n}'), warn)
  const rest = 'the view takes no query: its expression is of type'
  assert.deepEqual(warnings, [
    `Corefile:3 - ${rest} string, not bool`,
    `Corefile:4 - ${rest} int, not bool`,
  ])
})

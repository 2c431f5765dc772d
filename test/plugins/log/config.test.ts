import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRules } from '../../../src/plugins/log/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

const read = (
  lines: string,
): readonly (readonly [zone: string, classes: number, source: string])[] =>
  readRules(directivesOf('log', lines)).map((rule) => [rule.zone, rule.classes, rule.source])

test('a bare log directive logs every query in the common format', () => {
  assert.deepEqual(read('log'), [['.', 7, '{common}']])
})

test('one argument is a name, several are names and, with a brace in the last, a format', () => {
  assert.deepEqual(read('log Example.org'), [['example.org.', 7, '{common}']])
  assert.deepEqual(read('log a.org b.org'), [
    ['a.org.', 7, '{common}'],
    ['b.org.', 7, '{common}'],
  ])
  assert.deepEqual(read('log a.org b.org "{name} {type}"'), [
    ['a.org.', 7, '{name} {type}'],
    ['b.org.', 7, '{name} {type}'],
  ])
})

test('a format alone is a format, for all names', () => {
  assert.deepEqual(read('log "{name}"'), [['.', 7, '{name}']])
})

test('classes add up, over words and lines; all is all', () => {
  assert.deepEqual(read('log {\nclass denial error\n}'), [['.', 6, '{common}']])
  assert.deepEqual(read('log {\nclass success\nclass error\n}'), [['.', 5, '{common}']])
  assert.deepEqual(read('log {\nclass all denial\n}'), [['.', 7, '{common}']])
})

test('several directives make several rules, in order', () => {
  assert.deepEqual(read('log a.org {\nclass error\n}\nlog . {combined}'), [
    ['a.org.', 4, '{common}'],
    ['.', 7, '{combined}'],
  ])
})

const wrong = 'Error during parsing: Wrong argument count or unexpected line ending after'
for (const [lines, message] of [
  ['log {\nclass\n}', `plugin/log: Corefile:3 - ${wrong} 'class'`],
  ['log {\nlevel x\n}', `plugin/log: Corefile:3 - ${wrong} 'level'`],
  [
    'log {\nclass denied\n}',
    "Corefile:3 - plugin/log: invalid Class: denied (did you mean 'denial'?)",
  ],
] as const) {
  test(`refuses: ${lines.replaceAll('\n', ' ⏎ ')}`, () => {
    assert.throws(() => read(lines), { name: 'CorefileError', message })
  })
}

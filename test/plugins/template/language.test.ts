// go-templates.json is what Go 1.26's text/template makes of each text, with the data below.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { functions } from '../../../src/plugins/template/language/functions.ts'
import { nodesText } from '../../../src/plugins/template/language/nodes.ts'
import { parseTemplate } from '../../../src/plugins/template/language/parse.ts'
import { runTemplate } from '../../../src/plugins/template/language/run.ts'
import { TemplateError } from '../../../src/plugins/template/language/token.ts'
import {
  Dict,
  Float,
  Int,
  List,
  type Struct,
  type Value,
} from '../../../src/plugins/template/language/values.ts'

const names = new Set(functions.keys())

function dict(entries: Readonly<Record<string, Value>>, element: string): Dict {
  return new Dict(new Map(Object.entries(entries)), element)
}

const question: Struct = {
  type: '*main.question',
  fields: {
    Name: () => 'Ip-1.Example.',
    Qtype: () => new Int(1, 'uint16'),
    Qclass: () => new Int(1, 'uint16'),
  },
  methods: {},
}

const data: Struct = {
  type: '*main.data',
  fields: {
    Zone: () => 'example.',
    Name: () => 'ip-10-0-0-1.example.',
    Match: () => new List(['ip-10-0-0-1', '10', '0a', ''], 'string'),
    Group: () => dict({ a: '10', '0': 'x', b: 'ff' }, 'string'),
    Question: () => question,
    N: () => new Int(7),
    U: () => new Int(7, 'uint16'),
    F: () => new Float(2.5),
    T: () => true,
    Empty: () => '',
    Vars: () => dict({ i: new Int(3), s: 'str' }, 'interface {}'),
  },
  methods: {
    Meta: { parameters: ['string'], call: ([name]) => `meta:${name as string}` },
  },
}

function outcome(text: string): readonly string[] {
  try {
    const tree = parseTemplate('answer', text, names)
    return [runTemplate(tree, data), nodesText(tree.root)]
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return [`ERR ${error.message}`]
  }
}

const file = join(import.meta.dirname, 'go-templates.json')
const cases = JSON.parse(readFileSync(file, 'utf8')) as [text: string, ...made: string[]][]

describe('the template language', () => {
  for (const [text, ...made] of cases) {
    test(`is Go's: ${text}`, () => assert.deepEqual(outcome(text), made))
  }

  test('gives up on what costs more than a record may', () => {
    for (const [text, problem] of [
      ['{{ range 100000000 }}{{ end }}', 'exceeded the bound on steps'],
      ['{{ range 9999 }}0123456789{{ end }}', 'exceeded the bound on output'],
      ['{{ printf "%999999d" 1 }}', 'exceeded the bound on steps'],
      ['{{ printf "%9999999d" 1 }}', null],
      ['{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}', 'maximum template depth'],
      ['('.repeat(300), null],
      [`{{ ${'('.repeat(300)} }}`, 'levels of nesting'],
      ['{{ if 1 }}'.repeat(300), 'levels of nesting'],
    ] as const) {
      const [made = ''] = outcome(text)
      if (problem === null) assert.ok(!made.startsWith('ERR'), made)
      else assert.ok(made.startsWith('ERR') && made.includes(problem), `${text}: ${made}`)
    }
  })
})

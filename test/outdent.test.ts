// The last step of the build, which takes the indentation out of dist/.
import assert from 'node:assert/strict'
import { SourceMap } from 'node:module'
import { test } from 'node:test'

import { outdent } from '../.build/outdent.ts'

/** As tsc writes it. */
const code = `class A {
    b = 'a long text before the next name';
    c = 1;
    d() {
        if (this.c > 0) {
            return this.b.length + this.c;
        }
        return 0;
    }
}
`
const map = {
  version: 3,
  file: 'a.js',
  sources: ['a.ts'],
  sourceRoot: '',
  sourcesContent: [],
  names: [],
  mappings:
    'AAAA;IACW,CAAC,GAAW,kCAAkC,CAAC;IAAC,CAAC,GAAG,CAAC,CAAA;IAC9D,CAAC;QACC,IAAI,IAAI,CAAC,CAAC,GAAG,CAAC,EAAE,CAAC;YACf,OAAO,IAAI,CAAC,CAAC,CAAC,MAAM,GAAG,IAAI,CAAC,CAAC,CAAA;QAC/B,CAAC;QACD,OAAO,CAAC,CAAA;IACV,CAAC;CACF',
}

test('lines lose their indentation, and every column still leads to the same place in the source', () => {
  const narrow = outdent(code, map)
  assert.equal(narrow.code, code.replaceAll(/^ +/gm, ''))
  const [before, after] = [new SourceMap(map), new SourceMap(narrow.map)]
  const lines = code.split('\n')
  const indents = lines.map((line) => line.search(/\S|$/))
  let compared = 0
  for (const [i, line] of lines.entries()) {
    for (let column = indents[i]!; column < line.length; column++, compared++) {
      const was = entryAt(before, i, column)
      const is = entryAt(after, i, column - indents[i]!)
      // What a line begins with, before its first segment, belongs to the one before.
      const generatedColumn = was.generatedColumn - indents[was.generatedLine]!
      assert.deepEqual(is, { ...was, generatedColumn })
    }
  }
  assert.ok(compared > 100)
})

test('once is enough', () => {
  const once = outdent(code, map)
  assert.deepEqual(outdent(once.code, once.map), once)
})

test('the lines of a template keep theirs', () => {
  const template = 'f(`one\n    two`);\n    g();\n'
  assert.deepEqual(outdent(template, map), { code: template, map })
  assert.equal(outdent('    f(`one`);', map).code, 'f(`one`);')
})

function entryAt(sourceMap: SourceMap, line: number, column: number) {
  const entry = sourceMap.findEntry(line, column)
  assert.ok('generatedColumn' in entry, `${line}:${column}`)
  return entry
}

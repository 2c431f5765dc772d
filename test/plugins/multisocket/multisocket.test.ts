import assert from 'node:assert/strict'
import { test } from 'node:test'
import { availableParallelism } from 'node:os'
import { multisocket } from '../../../src/plugins/multisocket/index.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { LinesLog } from '../../helpers/lines-log.ts'
import { testBlock, testServices } from '../../helpers/services.ts'

/** What is logged of a block with these lines. */
function said(lines: string, kept = new Map<string, unknown>()): readonly string[] {
  const log = new LinesLog()
  const services = testServices({ log }, kept)
  multisocket.setup(directivesOf('multisocket', lines), testBlock({ services }))
  return log.lines
}

test('more than one socket is warned of, once', () => {
  const kept = new Map<string, unknown>()
  assert.deepEqual(said('multisocket 1', kept), [])
  assert.deepEqual(said('multisocket 1024', kept), [
    '[WARNING] Corefile:2 - 1024 sockets are asked for: one process has one for each address',
  ])
  assert.deepEqual(said('multisocket 2', kept), [])
  const processors = availableParallelism()
  assert.equal(said('multisocket').length, processors > 1 ? 1 : 0)
})

test('what is wrong is named as in CoreDNS', () => {
  const rows = [
    [
      'multisocket text',
      'Corefile:2 - plugin/multisocket: invalid num sockets: strconv.Atoi: parsing "text": invalid syntax',
    ],
    [
      'multisocket 0',
      'Corefile:2 - plugin/multisocket: num sockets can not be zero or negative: 0',
    ],
    [
      'multisocket -1',
      'Corefile:2 - plugin/multisocket: num sockets can not be zero or negative: -1',
    ],
    [
      'multisocket 1025',
      'Corefile:2 - plugin/multisocket: num sockets exceeds maximum (1024): 1025',
    ],
    [
      'multisocket 2 2',
      "plugin/multisocket: Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after '2'",
    ],
    [
      'multisocket 2 {\nblock\n}',
      "plugin/multisocket: Corefile:2 - Error during parsing: Unexpected token '{', expecting argument",
    ],
    [
      'multisocket\nmultisocket 3',
      "plugin/multisocket: Corefile:3 - Error during parsing: Wrong argument count or unexpected line ending after 'multisocket'",
    ],
  ] as const
  for (const [lines, problem] of rows) {
    assert.equal(
      messageOf(() => said(lines)),
      problem,
    )
  }
})

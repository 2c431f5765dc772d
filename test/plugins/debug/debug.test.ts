import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { panicked } from '../../../src/daemon/panics.ts'
import { hexDump } from '../../../src/lib/hex-dump.ts'
import { debug } from '../../../src/plugins/debug/index.ts'
import { Rcode } from '../../../src/wire/codes.ts'
import { areDebugLinesPrinted } from '../../../src/telemetry/log-level.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { LinesLog } from '../../helpers/lines-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted } from '../../serve/fake-target.ts'
import { answerTo, startScripted } from '../../upstream/scripted.ts'
import { message } from '../../wire/message.ts'
import { Front } from '../forward/harness.ts'

function stageOf(lines: string): ReturnType<typeof debug.setup> {
  return debug.setup(directivesOf('debug', lines), testBlock())
}

describe('debug', () => {
  test('counts for the process, as long as one configuration has it', async () => {
    const [old, next] = [stageOf('debug'), stageOf('debug\ndebug')]
    assert.equal(areDebugLinesPrinted(), false)
    await old.start!()
    await next.start!()
    await old.stop!(false)
    assert.equal(areDebugLinesPrinted(), true)
    await next.stop!(true)
    await next.stop!(true)
    assert.equal(areDebugLinesPrinted(), false)
  })

  test('has no options', () => {
    const rows = [
      ['debug off', "Wrong argument count or unexpected line ending after 'off'"],
      ['debug {\n}', "Unexpected token '{', expecting argument"],
    ] as const
    for (const [lines, problem] of rows) {
      assert.equal(
        messageOf(() => stageOf(lines)),
        `plugin/debug: Corefile:2 - Error during parsing: ${problem}`,
      )
    }
  })

  test('adds the stack to what is logged of a panic', async (t) => {
    const log = new LinesLog()
    const q = accepted(message({}))
    const stage = stageOf('debug')
    panicked(log, new Error('odd'), q)
    await stage.start!()
    t.after(() => stage.stop!(true))
    panicked(log, new Error('odd'), q)
    assert.equal(log.lines[0], '[ERROR] Recovered from panic in server: "" odd')
    assert.match(
      log.lines[1]!,
      /^\[ERROR\] Recovered from panic in server: "" odd\nError: odd\n {4}at /,
    )
  })

  test('shows octets that are no answer, as text2pcap reads them', async (t) => {
    const upstream = await startScripted(t, (asked) => {
      // Its id is another query's: nobody's.
      const wrong = Buffer.from(asked.wire)
      wrong.writeUInt16BE(asked.id ^ 1)
      asked.reply(wrong)
      asked.reply(answerTo(asked.wire))
    })
    const forward = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    const said = (): string[] => forward.log.lines.filter((line) => line.startsWith('[DEBUG]'))
    for (const over of ['udp', 'tcp'] as const) {
      assert.equal((await forward.ask('quiet.test', { over })).rcode, Rcode.NoError)
      assert.deepEqual(said(), [])
    }
    const stage = stageOf('debug')
    await stage.start!()
    t.after(() => stage.stop!(true))
    for (const over of ['udp', 'tcp'] as const) {
      assert.equal((await forward.ask('www.example.test', { over })).rcode, Rcode.NoError)
      const [head, first, ...rows] = said().at(-1)!.split('\n')
      assert.equal(head, `[DEBUG] 127.0.0.1:${upstream.port} sent what is no answer, 45 octets`)
      assert.match(first!, /^ debug: 000000 [0-9a-f]{2} [0-9a-f]{2} 01 20 00 01 00 00 00 00 00 01/)
      assert.equal(rows.at(-1), ' debug: 00002d')
    }
    assert.equal(said().length, 2)
  })

  test('a dump of nothing and of whole lines', () => {
    assert.equal(hexDump(Buffer.alloc(0)), ' debug: 000000')
    assert.equal(
      hexDump(Buffer.alloc(16, 0xab)),
      ` debug: 000000${' ab'.repeat(16)}\n debug: 000010`,
    )
  })
})

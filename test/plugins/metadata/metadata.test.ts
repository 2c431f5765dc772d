import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { forward } from '../../../src/plugins/forward/index.ts'
import { log } from '../../../src/plugins/log/index.ts'
import { metadata } from '../../../src/plugins/metadata/index.ts'
import { readConfig } from '../../../src/plugins/rewrite/config.ts'
import { QuestionRules } from '../../../src/plugins/rewrite/question.ts'
import { view } from '../../../src/plugins/view/index.ts'
import type { NamedStage } from '../../../src/serve/chain.ts'
import { BlockMetadata } from '../../../src/serve/metadata.ts'
import type { BlockContext, Plugin } from '../../../src/serve/plugin.ts'
import type { Query } from '../../../src/serve/query.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { nullLog } from '../../helpers/null-log.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted } from '../../serve/fake-target.ts'
import { message, opt } from '../../wire/message.ts'

/** A block of these directives, set up. */
class Block {
  readonly stages: NamedStage[] = []
  readonly context: BlockContext
  readonly lines: string[] = []
  readonly warnings: string[] = []

  constructor(zones: readonly string[], ...directives: readonly (readonly [Plugin, string])[]) {
    const output = {
      ...nullLog,
      info: (line: string) => void this.lines.push(line),
      plugin: () => ({ ...nullLog, warning: (said: string) => void this.warnings.push(said) }),
    }
    this.context = testBlock({ zones, stages: this.stages, services: { log: output } })
    for (const [plugin, body] of directives) {
      const stage = plugin.setup(directivesOf(plugin.name, body), this.context)
      this.stages.push({ name: plugin.name, stage })
    }
  }

  value(label: string, q: Query): string | null {
    return new BlockMetadata(this.context).value(label, q)
  }

  /** The line that `log` writes of a query. */
  logged(q: Query): string | undefined {
    this.stages.find(({ name }) => name === 'log')!.stage.observe!(q)
    return this.lines.pop()
  }
}

const named = [view, 'view inside'] as const
const upstream = [forward, 'forward . 127.0.0.1:9'] as const

function asked(name = 'www.test', from = ''): Query {
  const q = accepted(message({ name, additional: [opt({})] }))
  q.upstream = from
  return q
}

describe('metadata', () => {
  test('is what plugins publish, in blocks that collect it', () => {
    const block = new Block(['.'], [metadata, 'metadata'], upstream, named)
    assert.equal(block.value('view/name', asked()), 'inside')
    assert.equal(block.value('forward/upstream', asked('www.test', '10.0.0.1:53')), '10.0.0.1:53')
    assert.equal(block.value('forward/upstream', asked()), null)
    assert.equal(block.value('nobody/knows', asked()), null)
    const without = new Block(['.'], upstream, named)
    assert.equal(without.value('view/name', asked()), null)
    assert.equal(without.value('forward/upstream', asked('www.test', '10.0.0.1:53')), null)
  })

  test('of beforehand is for names of its zones', () => {
    const block = new Block(['.'], [metadata, 'metadata a.test B.test'], upstream, named)
    const value = (name: string): string | null => block.value('view/name', asked(name))
    assert.deepEqual(['x.a.test', 'b.TEST', 'test', 'xa.test'].map(value), [
      'inside',
      'inside',
      null,
      null,
    ])
    assert.equal(block.value('forward/upstream', asked('other', '10.0.0.1:53')), '10.0.0.1:53')
    const own = new Block(['a.test.'], [metadata, 'metadata'], named)
    assert.equal(own.value('view/name', asked('a.test')), 'inside')
  })

  test('goes by the name that the client asked for', () => {
    const block = new Block(['.'], [metadata, 'metadata a.test'], named)
    const q = asked('www.a.test')
    new QuestionRules(
      readConfig(directivesOf('rewrite', 'rewrite name www.a.test www.b.test')),
    ).apply(q)
    assert.notEqual(q.rewritten, null)
    assert.equal(block.value('view/name', q), 'inside')
    const other = asked('www.b.test')
    new QuestionRules(
      readConfig(directivesOf('rewrite', 'rewrite name www.b.test www.a.test')),
    ).apply(other)
    assert.equal(block.value('view/name', other), null)
  })

  test('the last one of a label counts', () => {
    const block = new Block(['.'], [metadata, 'metadata'], named, [view, 'view again'])
    assert.equal(block.value('view/name', asked()), 'again')
  })

  test('is what log writes for a label, and - where there is none', () => {
    const line = [
      log,
      'log . "{/view/name} {/forward/upstream} {/no/value} {/odd} {type}"',
    ] as const
    const block = new Block(['.'], [metadata, 'metadata'], line, upstream, named)
    assert.equal(block.logged(asked('www.test', '[fd00::1]:53')), 'inside [fd00::1]:53 - - A')
    assert.equal(block.logged(asked()), 'inside - - - A')
    assert.equal(new Block(['.'], line, named).logged(asked()), '- - - - A')
  })

  test('is data of EDNS options that rewrite sets', () => {
    const block = new Block(['.'], [metadata, 'metadata'], named)
    const lines = 'rewrite edns0 local set 0xffee {view/name}'
    const optionsOf = (context: BlockContext, line = lines): string | undefined => {
      const q = asked()
      new QuestionRules(
        readConfig(directivesOf('rewrite', line), new BlockMetadata(context)),
      ).apply(q)
      return q.options?.toString('latin1')
    }
    assert.equal(optionsOf(block.context), '\xff\xee\x00\x06inside')
    assert.equal(optionsOf(block.context, 'rewrite edns0 local set 1 {no/value}'), undefined)
    assert.equal(optionsOf(new Block(['.'], named).context), undefined)
    const empty = new Block(['.'], [metadata, 'metadata'], [view, 'view ""'])
    assert.equal(optionsOf(empty.context), undefined)
  })

  test('takes zones and nothing else, once', () => {
    const block = new Block(['.'], [metadata, 'metadata example.com. net.'])
    assert.deepEqual(block.stages[0]!.stage.describe!(), ['example.com. net.'])
    const next = (): void => {}
    assert.equal(block.stages[0]!.stage.wrap!(next, next), next)
    for (const [text, problem] of [
      ['metadata example.com. {\n some_param\n}', "Unexpected token '{', expecting argument"],
      ['metadata\nmetadata', "Wrong argument count or unexpected line ending after 'metadata'"],
    ] as const) {
      const said = messageOf(() => new Block(['.'], [metadata, text]))
      assert.ok(said?.startsWith('plugin/metadata: Corefile:') && said.endsWith(problem), said)
    }
    const odd = new Block(['.'], [metadata, 'metadata a..b'])
    assert.match(odd.warnings[0] ?? '', /'a..b' is ignored/)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { metrics } from '../../../src/plugins/template/metrics.ts'
import { keptQueries } from '../../../src/serve/kept-queries.ts'
import { Ede, Type } from '../../../src/wire/codes.ts'
import { recordsOf } from '../../wire/message.ts'
import { Bench, shown } from './harness.ts'

/** Samples of one metric in a zone, its labels from zone on. */
function samples(name: string, zone: string): string[] {
  const found: string[] = []
  for (const metric of metrics) {
    if (metric.name !== name) continue
    metric.collect((labels, value) => {
      if (labels[1] === zone) found.push(`${labels.slice(1).join(',')}=${value as number}`)
    })
  }
  return found
}

describe('a template that fails while it runs', () => {
  const lines = `template ANY ANY run.test {
    answer "{{ .Name }} 60 IN TXT \\"{{ index .Match 2 }}\\""
  }
  template ANY ANY text.test {
    additional "{{ .Name }}{{ .Remote }}"
  }`

  test('is SERVFAIL with an extended error, and the reason for `errors`', () => {
    const bench = new Bench(lines)
    const [reply] = bench.send('a.run.test', { edns: true }).sent
    assert.deepEqual(shown(reply!), ['SERVFAIL'])
    assert.equal(recordsOf(reply!).ede, Ede.Other)
    assert.deepEqual(bench.ask('a.text.test'), ['SERVFAIL'])
    assert.deepEqual(bench.seen, [
      {
        answeredBy: 'template',
        error:
          'template: answer:1:26: executing "answer" at <index .Match 2>: error calling index: index out of range: 2',
      },
      { answeredBy: 'template', error: 'dns: no type: "a.text.test.198.51.100.7"' },
    ])
  })

  test('is logged once a minute, with its place', () => {
    const bench = new Bench(lines)
    for (let i = 0; i < 5; i++) bench.ask('a.text.test')
    bench.clock.advance(59_999)
    bench.ask('b.text.test')
    assert.deepEqual(bench.logged, [
      'Cannot make a record for a.text.test.: dns: no type: "a.text.test.198.51.100.7" (Corefile:6)',
    ])
    bench.clock.advance(1)
    bench.ask('c.text.test')
    bench.ask('c.run.test')
    assert.equal(bench.logged.length, 3)
  })

  test('is counted with section and template, as matches are, by the block', () => {
    const bench = new Bench(lines.replaceAll('test {', 'count {'), { view: 'v' })
    for (const type of [Type.A, Type.A, Type.MX, 65_280, 65_281]) bench.ask('a.run.count', { type })
    bench.ask('a.text.count')
    const failed = ',answer,{{.Name}} 60 IN TXT "{{index .Match 2}}"'
    const zone = 'run.count.'
    assert.deepEqual(samples('coredns_template_matches_total', zone), [
      `${zone},v,IN,A=2`,
      `${zone},v,IN,MX=1`,
      `${zone},v,IN,=2`,
    ])
    assert.deepEqual(samples('coredns_template_template_failures_total', zone), [
      `${zone},v,IN,A${failed}=2`,
      `${zone},v,IN,MX${failed}=1`,
      `${zone},v,IN,${failed}=2`,
    ])
    assert.deepEqual(samples('coredns_template_rr_failures_total', zone), [])
    assert.deepEqual(samples('coredns_template_rr_failures_total', 'text.count.'), [
      'text.count.,v,IN,A,additional,{{.Name}}{{.Remote}}=1',
    ])
  })
})

test('a query that would wait for a target is refused where too many wait', (t) => {
  const { limit } = keptQueries
  t.after(() => (keptQueries.limit = limit))
  keptQueries.limit = 0
  const bench = new Bench('template IN A {\nanswer "{{ .Name }} 60 IN CNAME b.test."\n}')
  const [reply] = bench.send('a.test', { edns: true }).sent
  assert.deepEqual(shown(reply!), ['REFUSED'])
  assert.equal(recordsOf(reply!).ede, Ede.Other)
  assert.deepEqual(bench.ask('a.test', { type: Type.A }), ['REFUSED'])
})

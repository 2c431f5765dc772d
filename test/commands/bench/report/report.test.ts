import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { chartScript, columnsOf, frameOf } from '../../../../src/commands/bench/report/charts.ts'
import { inlineJson, markup } from '../../../../src/commands/bench/report/html.ts'
import { renderReport } from '../../../../src/commands/bench/report/index.ts'
import {
  count,
  counted,
  duration,
  moment,
  percent,
} from '../../../../src/commands/bench/report/numbers.ts'
import { looksOf } from '../../../../src/commands/bench/report/looks.ts'
import { isNodeLocal } from '../../../../src/commands/bench/report/ways.ts'
import type { BenchResult, Moment, Run } from '../../../../src/load/result.ts'
import { resultOf } from './synthetic.ts'

const direct = {
  label: 'glibc at 10.96.0.10:53',
  server: '10.96.0.10:53',
  client: 'glibc',
  medianMs: 2,
  lostOneIn: 1000,
}

describe('markup', () => {
  test('escapes what came from outside, in elements and attributes', () => {
    const hostile = `</b><script>alert("1")</script>' onload='&amp;`
    assert.equal(
      markup`<b title="${hostile}">${[hostile]}</b>`.text.match(/[<>"']/g)?.join(''),
      `<""></>`.replace('</', '<'),
    )
    assert.equal(markup`<i>${markup`<b>${1}</b>`}${null}${[]}</i>`.text, '<i><b>1</b></i>')
  })

  test('spells what turns or hides the text around it', () => {
    assert.equal(markup`${'a\u202eb\u0000c\u200d'}`.text, 'a\\u202eb\\x00c\\u200d')
  })

  test('puts JSON into a script that it cannot end', () => {
    const value = { a: '</script><!--<script>', b: ['\u2028', '\u2029', '<'] }
    const { text } = inlineJson(value)
    assert.ok(!text.includes('<'))
    assert.deepEqual(JSON.parse(text), value)
  })
})

test('numbers are as short as they can be read', () => {
  assert.deepEqual([0, 41_233, 2.5].map(count), ['0', '41,233', '3'])
  assert.deepEqual([counted(1, 'run'), counted(2, 'run')], ['1 run', '2 runs'])
  assert.deepEqual([0, 0.05312, 1, 87.12, 999.4, 999.6, 5012, 61_000].map(duration), [
    '0 ms',
    '0.053 ms',
    '1 ms',
    '87.1 ms',
    '999 ms',
    '1 s',
    '5.01 s',
    '61 s',
  ])
  assert.deepEqual([percent(12, 41_233), percent(0, 0)], ['0.0291 %', '0 %'])
  assert.equal(moment('2026-11-29T11:13:23.456Z'), '2026-11-29 11:13:23 UTC')
  assert.equal(moment('yesterday'), 'yesterday')
})

test('a node-local server is one of a link-local address', () => {
  const at = (server: string): boolean => isNodeLocal({ server } as Run)
  for (const server of [
    '169.254.20.10:53',
    '[fe80::1%eth0]:53',
    '169.254.20.10:53, 169.254.20.11:53',
  ]) {
    assert.ok(at(server), server)
  }
  for (const server of [
    '10.96.0.10:53',
    '169.254.20.10:53,10.0.0.1:53',
    '127.0.0.1:53',
    '[::1]:53',
    '[fd00::10]:53',
    '[::10]:53',
    '',
  ]) {
    assert.ok(!at(server), server)
  }
})

describe('charts', () => {
  const at = (second: number, max = 4): Moment => ({
    second,
    requests: 1,
    errors: 0,
    overLimit: max >= 5000 ? 1 : 0,
    p50: 0,
    p99: 3,
    max,
  })

  test('join no turns over those of others', () => {
    const run = { timeline: [at(0), at(1, 5001), at(6), at(7)], stepSeconds: 1 } as unknown as Run
    assert.deepEqual(columnsOf(run), [
      [0, 1, 2, 2, 3],
      [0.01, 0.01, null, 0.01, 0.01],
      [3, 3, null, 3, 3],
      [4, 5001, null, 4, 4],
      [null, 5001, null, null, null],
      [0, 1, null, 6, 7],
    ])
    assert.deepEqual(columnsOf({ timeline: [], stepSeconds: 1 } as unknown as Run)[0], [])
  })

  test('have one frame, in whole decades', () => {
    const result = resultOf([direct, { ...direct, medianMs: 0.3, lostOneIn: Infinity }])
    assert.deepEqual(frameOf(result), { x: [0, 30], y: [0.1, 10_000], limitMs: 5000 })
    assert.deepEqual(frameOf(resultOf([])).x, [0, 1])
  })

  test('are drawn by functions that need nothing from outside', () => {
    assert.match(chartScript(), /^'use strict'\nfunction inMs\(/)
    assert.ok(!/<\/script|\bimport\b|\brequire\b/.test(chartScript()))
  })
})

describe('the page', () => {
  const page = renderReport(resultOf([direct]))

  test('has the figures as the tester gave them', () => {
    const json = /<script type="application\/json" id="result">(.*)<\/script>/.exec(page)?.[1]
    assert.deepEqual(JSON.parse(json ?? ''), JSON.parse(JSON.stringify(resultOf([direct]))))
  })

  test('names what was not measured, and what was', () => {
    const row = (name: string): string =>
      new RegExp(`<th scope="row">(?:<code>)?${name}(?:</code>)?</th>[^]*?</tr>`).exec(page)?.[0] ??
      ''
    assert.match(row('none'), /<b class="bad">12 of 12,000 at 5 s or more<\/b>/)
    for (const [name, wanted] of [
      ['single-request-reopen', '--client reopen'],
      ['single-request', '--client serial'],
      ['use-vc', '--client tcp'],
      ['node-local cache', '--server 169.254.20.10'],
    ] as const) {
      assert.ok(row(name).includes(`not measured: <code>${wanted}</code>`), name)
    }
  })

  test('praises no remedy with which packets are lost below the limit, or look-ups fail', () => {
    const musl = { ...direct, client: 'musl', stepMs: 2500 }
    assert.match(
      renderReport(resultOf([musl])),
      /<b class="warn">none of 12,000 [^]*12 after 2.5 s/,
    )
    const failing = { ...direct, lostOneIn: Infinity, failOneIn: 10 }
    assert.match(
      renderReport(resultOf([failing])),
      /<b class="warn">none of 12,000 [^]*10 % failed/,
    )
  })

  test('can be made of nothing, of one request, and of many runs', () => {
    const one = renderReport(resultOf([direct], {}, 1, 1))
    assert.match(one, /None of 1 look-up took/)
    assert.ok(!/NaN|Infinity|undefined|null/.test(withoutScripts(one)))
    assert.match(renderReport(resultOf([])), /Nothing was measured/)
  })

  test('draws a colour for each client and a dash for each server', () => {
    const at = (client: string, server: string): Run => ({ client, server }) as Run
    const both = [at('glibc', 'a'), at('tcp', 'a'), at('glibc', 'b'), at('tcp', 'b')]
    assert.deepEqual(looksOf(both), ['k0 d0', 'k1 d0', 'k0 d1', 'k1 d1'])
    const servers = Array.from({ length: 9 }, (_, i) => at('glibc', String(i)))
    assert.deepEqual(looksOf(servers).slice(-2), ['k7 d0', 'k0 d1'])
    assert.deepEqual(looksOf([]), [])
  })

  test('has no other text of a hostile host, label or answer than its own', () => {
    const hostile = `"><img src=x onerror=alert(1)></script><script>alert(1)</script>'\u202e`
    const plain = resultOf([direct])
    const [run] = plain.runs as [Run]
    const result: BenchResult = {
      ...plain,
      startedAt: hostile,
      notes: [hostile],
      options: {
        ...plain.options,
        hosts: [hostile],
        types: [hostile],
        dnslet: hostile,
        node: hostile,
      },
      runs: [
        { ...run, label: hostile, client: hostile, server: hostile, rcodes: { [hostile]: 1 } },
      ],
    }
    const text = renderReport(result)
    assert.ok(!text.includes('<img') && !text.includes('\u202e'))
    assert.equal(text.match(/<script/g)?.length, 2)
    assert.equal(text.match(/<\/script>/g)?.length, 2)
  })
})

function withoutScripts(page: string): string {
  return page.replaceAll(/<(script|style)[^]*?<\/\1>/g, '')
}

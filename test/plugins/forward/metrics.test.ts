import assert from 'node:assert/strict'
import { test } from 'node:test'

import { exposition } from '../../../src/telemetry/metrics.ts'
import { answerTo, honest, silent, startScripted } from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

test('the metrics of CoreDNS’s forward and proxy tell what happened', async (t) => {
  const upstream = await startScripted(t, honest)
  const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_concurrent 1\n}`)
  for (const over of ['udp', 'tcp'] as const) await front.ask('a.test', { over })
  upstream.script = ({ wire, reply }) => {
    reply(answerTo(wire, 0x8180).fill(0xff, 0, 2))
    reply(answerTo(wire, 0x8183, 0))
  }
  await front.ask('b.test', { over: 'tcp' })
  upstream.script = silent
  const slow = front.ask('c.test', { over: 'tcp' })
  await front.ask('d.test')
  const { body } = await exposition('')
  const to = `to="127.0.0.1:${upstream.port}"`
  const proxy = `proxy_name="forward",${to}`
  const lines = [
    'coredns_forward_healthcheck_broken_total 0',
    'coredns_forward_max_concurrent_rejects_total 1',
    `coredns_proxy_request_duration_seconds_count{${proxy},rcode="NOERROR"} 2`,
    `coredns_proxy_request_duration_seconds_count{${proxy},rcode="NXDOMAIN"} 1`,
    `coredns_proxy_conn_cache_misses_total{${proxy},proto="udp"} 1`,
    `coredns_proxy_conn_cache_misses_total{${proxy},proto="tcp"} 2`,
    `dnslet_upstream_connections{${to},proto="udp"} 1`,
    `dnslet_upstream_connections{${to},proto="tcp"} 2`,
    `dnslet_upstream_inflight_queries{${to}} 1`,
    `dnslet_upstream_attempts_total{${to},result="reply"} 3`,
    `dnslet_upstream_garbage_replies_total{${to}} 1`,
  ]
  for (const line of lines) assert.ok(body.split('\n').includes(line), `${line}\n${body}`)
  assert.match(
    body,
    new RegExp(`conn_cache_hits_total{proxy_name="forward",${to},proto="tcp"} [12]`),
  )
  assert.match(body, /_duration_seconds_bucket{.*le="0.00025"}/)
  await upstream.waitFor(4)
  honest(upstream.asked.at(-1)!, 0)
  await slow
})

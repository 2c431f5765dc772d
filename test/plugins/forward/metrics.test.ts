import assert from 'node:assert/strict'
import { test } from 'node:test'

import { metrics } from '../../../src/plugins/forward/metrics.ts'
import { exposition } from '../../../src/telemetry/metrics.ts'
import { answerTo, honest, silent, startScripted } from '../../upstream/scripted.ts'
import { Front } from './harness.ts'

test('the metrics of CoreDNS’s forward and proxy tell what happened', async (t) => {
  // The first exposition loads prom-client, which takes longer than an attempt may.
  await exposition('', metrics)
  const upstream = await startScripted(t, honest)
  const body = `forward . 127.0.0.1:${upstream.port} {\nmax_concurrent 1\nmax_fails 0\n}`
  const front = await Front.start(t, body)
  await front.ask('a.test')
  upstream.script = ({ wire, reply }) => {
    reply(answerTo(wire).subarray(0, 11))
    reply(answerTo(wire, 0x8183, 0))
  }
  await front.ask('b.test', { over: 'tcp' })
  upstream.script = silent
  const slow = front.ask('c.test', { over: 'tcp' })
  await front.ask('d.test')
  const { body: text } = await exposition('', metrics)
  const to = `to="127.0.0.1:${upstream.port}"`
  const proxy = (code: string): string => `proxy_name="forward",rcode="${code}",${to}`
  const connections = (over: string): string => `proto="${over}",proxy_name="forward",${to}`
  // A slow machine may need a second attempt, and a third connection, for the last query.
  const samples: readonly (readonly [sample: string, value: string])[] = [
    ['coredns_forward_healthcheck_broken_total', '0'],
    ['coredns_forward_max_concurrent_rejects_total', '1'],
    [`coredns_proxy_request_duration_seconds_count{${proxy('NOERROR')}}`, '1'],
    [`coredns_proxy_request_duration_seconds_count{${proxy('NXDOMAIN')}}`, '1'],
    [`coredns_proxy_request_duration_seconds_bucket{${proxy('NOERROR')},le="8.192"}`, '1'],
    [`coredns_proxy_conn_cache_misses_total{${connections('udp')}}`, '1'],
    [`coredns_proxy_conn_cache_misses_total{${connections('tcp')}}`, '[23]'],
    [`coredns_proxy_conn_cache_hits_total{${connections('tcp')}}`, '[12]'],
    [`dnslet_upstream_connections{proto="udp",${to}}`, '1'],
    [`dnslet_upstream_connections{proto="tcp",${to}}`, '[23]'],
    [`dnslet_upstream_inflight_queries{${to}}`, '[12]'],
    [`dnslet_upstream_attempts_total{result="reply",${to}}`, '2'],
    [`dnslet_upstream_garbage_replies_total{${to}}`, '1'],
  ]
  for (const [sample, value] of samples) {
    const line = text.split('\n').find((one) => one.startsWith(`${sample} `)) ?? 'missing'
    assert.match(line.slice(sample.length + 1), new RegExp(`^${value}$`), sample)
  }
  await upstream.waitFor(3)
  honest(upstream.asked.at(-1)!, 0)
  await slow
})

test('health checks and retries are counted by upstream', async (t) => {
  const upstream = await startScripted(t, honest)
  await upstream.close()
  const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port} {\nmax_fails 9\n}`)
  await front.ask('a.test', { over: 'tcp' })
  const { body } = await exposition('', metrics)
  const to = `to="127.0.0.1:${upstream.port}"`
  const failures = `coredns_proxy_healthcheck_failures_total{proxy_name="forward",${to}} `
  assert.ok(body.includes(failures), failures)
  assert.ok(body.includes(`dnslet_upstream_retries_total{${to}} 1`))
  assert.ok(body.includes(`dnslet_upstream_attempts_total{result="refused",${to}} 2`))
})

test('dnslet_forward_info tells of the upstreams of each running forward, and of no other', async (t) => {
  const upstream = await startScripted(t, honest)
  const to = `127.0.0.1:${upstream.port}`
  const front = await Front.start(t, `forward . ${to} 127.0.0.1:9`)
  const shown = async (): Promise<string[]> => {
    const { body } = await exposition('', metrics)
    return body.split('\n').filter((line) => line.startsWith('dnslet_forward_info{'))
  }
  const info = (at: string): string => `dnslet_forward_info{block=".",from=".",to="${at}"} 1`
  assert.deepEqual(await shown(), [info(to), info('127.0.0.1:9')])
  await front.stop()
  assert.deepEqual(await shown(), [])
})

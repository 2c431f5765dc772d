import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { Histogram } from '../../src/lib/counters.ts'
import { NetCounters, TcpEnd, UdpDrop } from '../../src/net/counters.ts'
import { netMetrics } from '../../src/net/metrics.ts'

function collect(counters: NetCounters): Map<string, number | Histogram> {
  const samples = new Map<string, number | Histogram>()
  for (const metric of netMetrics(counters)) {
    const { name, labels } = metric
    metric.collect((values, value) => {
      assert.equal(values.length, labels.length, name)
      samples.set([name, ...values].join(' '), value)
    })
  }
  return samples
}

describe('netMetrics()', () => {
  test('follow the rules for names', () => {
    for (const { name, type, help } of netMetrics(new NetCounters())) {
      assert.match(name, /^(dnslet_(udp|tcp)_[a-z_]+|coredns_dns_https_responses_total)$/)
      assert.equal(name.endsWith('_total'), type === 'counter', name)
      assert.match(help, /^[A-Z].*\.$/)
    }
  })

  test('show the counters as they are when read', () => {
    const counters = new NetCounters()
    counters.udpDrops[UdpDrop.Backlog] = 3
    counters.tcpEnds[TcpEnd.IdleTimeout] = 2
    counters.tcpOpen = 5
    counters.udpSendErrors.get('EPERM').count = 7
    counters.udpReceived.observe(64, 2)
    const samples = collect(counters)
    assert.equal(samples.get('dnslet_udp_dropped_replies_total backlog'), 3)
    assert.equal(samples.get('dnslet_udp_dropped_replies_total unsendable'), 0)
    assert.equal(samples.get('dnslet_tcp_closed_connections_total idle_timeout'), 2)
    assert.equal(samples.get('dnslet_tcp_connections'), 5)
    assert.equal(samples.get('dnslet_udp_send_errors_total EPERM'), 7)
    assert.equal((samples.get('dnslet_udp_receive_batch_size') as Histogram).sum, 128)
  })
})

import { get } from 'node:http'

import type { ServerMetrics } from './client-report.ts'

const PATIENCE_MS = 2_000

/** Reads a server's metrics; null where there are none to be had. */
export async function readMetrics(url: string): Promise<ServerMetrics | null> {
  const text = await new Promise<string | null>((resolve) => {
    const request = get(url, { timeout: PATIENCE_MS, agent: false }, (response) => {
      let all = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (all += chunk))
      response.on('end', () => resolve(all)).on('error', () => resolve(null))
    })
    request.on('timeout', () => request.destroy()).on('error', () => resolve(null))
  })
  return text === null ? null : parseMetrics(text)
}

/** What a soak looks at. A heap is V8's, or Go's. */
export function parseMetrics(text: string): ServerMetrics {
  return {
    heap: read(text, 'nodejs_heap_size_used_bytes') ?? read(text, 'go_memstats_heap_inuse_bytes'),
    panics: read(text, 'coredns_panics_total'),
    entries: read(text, 'coredns_cache_entries'),
    waiting: read(text, 'dnslet_waiting_queries'),
  }
}

/** The sum of a metric over its labels; null where there is none. */
function read(text: string, name: string): number | null {
  const lines = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
  return lines.length === 0 ? null : lines.reduce((sum, [, value]) => sum + Number(value), 0)
}

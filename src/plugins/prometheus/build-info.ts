import { readFileSync } from 'node:fs'
import { registerMetric, type Emit } from '../../telemetry/metrics.ts'

registerMetric({
  name: 'coredns_build_info',
  help: 'For dashboards made for CoreDNS: the version of dnslet, and of Node.js as goversion.',
  type: 'gauge',
  labels: ['version', 'revision', 'goversion'],
  collect: emitVersions,
})

registerMetric({
  name: 'dnslet_build_info',
  help: 'The versions of dnslet and of Node.js, in labels; always 1.',
  type: 'gauge',
  labels: ['version', 'revision', 'nodeversion'],
  collect: emitVersions,
})

let version: string | null = null

function emitVersions(emit: Emit): void {
  version ??= readVersion()
  emit([version, '', process.version], 1)
}

/** package.json lies beside src and dist. */
function readVersion(): string {
  const url = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version
}

import { version } from '../../lib/version.ts'
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

function emitVersions(emit: Emit): void {
  emit([version(), '', process.version], 1)
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { addresses } from '../node-model/addresses.ts'
import type { NodeModel, Place } from '../node-model/node-model.ts'
import { waitUntil } from '../processes.ts'
import type { ProbeKind, ProbeOptions } from './options.ts'
import { ProbeReport } from './probe-report.ts'
import { decodeSamples } from './samples.ts'

const main = join(import.meta.dirname, 'probe-main.ts')
let count = 0

/** A probe that is sending. */
export interface Probe {
  /** Where it asks and how: `pod udp-fresh`. */
  readonly title: string
  readonly kind: ProbeKind
  /** Ends the sending, waits for the last answers (two seconds at most) and reports. */
  stop(): Promise<ProbeReport>
}

/** Starts a probe in a namespace of the model; resolves once it sends. */
export async function startProbe(
  model: NodeModel,
  place: Place,
  options: Partial<ProbeOptions> & Pick<ProbeOptions, 'kind' | 'rate'>,
): Promise<Probe> {
  const all: ProbeOptions = {
    server: addresses.ipv4.kubeDns,
    name: 'who.cluster.local',
    seconds: 30,
    connections: 4,
    ...options,
  }
  const output = join(model.folder, `probe-${count++}`)
  const argv = [process.execPath, main, JSON.stringify(all), output]
  const running = model.spawn(place, argv)
  await waitUntil('probe', () => running.output().includes('started'), running)
  return {
    title: `${place} ${all.kind}`,
    kind: all.kind,
    async stop() {
      if (running.ended() === null) process.kill(running.pid, 'SIGTERM')
      await waitUntil('probe', () => running.ended() !== null)
      if (running.ended() !== 0) throw new Error(`probe: ${running.output()}`)
      return new ProbeReport(decodeSamples(readFileSync(output)))
    },
  }
}

/** Ends several probes at once; each with its report. */
export function stopProbes(
  probes: readonly Probe[],
): Promise<{ probe: Probe; report: ProbeReport }[]> {
  return Promise.all(probes.map(async (probe) => ({ probe, report: await probe.stop() })))
}

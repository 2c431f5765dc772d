import { join } from 'node:path'

import { addresses } from '../node-model/addresses.ts'
import { kubeDnsNames } from '../node-model/namespaces.ts'
import type { NodeModel, Place } from '../node-model/node-model.ts'
import { waitUntil } from '../processes.ts'
import type { RaceOptions } from './shared.ts'

/** Starts a slow name server in each kube-dns pod. @param delays milliseconds, one for each pod */
export function startSlowServers(model: NodeModel, delays: readonly number[]): void {
  for (const [index, place] of kubeDnsNames(delays.length).entries()) {
    const main = join(import.meta.dirname, 'slow-main.ts')
    const args = [addresses.ipv4.kubeDnsPod(index), String(index), String(delays[index])]
    model.spawn(place as Place, [process.execPath, main, ...args])
  }
}

/**
 * Sends pairs of A and AAAA from two CPUs at once through one fresh connected socket each, from the
 * pod; how many pairs there were, and how many got both answers.
 */
export async function race(
  model: NodeModel,
  options: RaceOptions,
): Promise<{ pairs: number; complete: number }> {
  const main = join(import.meta.dirname, 'race-main.ts')
  const running = model.spawn('pod', [process.execPath, main, JSON.stringify(options)])
  const seconds = options.pairs / options.rate + 30
  await waitUntil('the race', () => running.ended() !== null, undefined, seconds)
  if (running.ended() !== 0) throw new Error(`race: ${running.output()}`)
  return JSON.parse(running.output()) as { pairs: number; complete: number }
}

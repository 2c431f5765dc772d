// `npm run image:test`: builds the image on this machine, runs it as the manifests of deploy/ would have it
// run, asks it, and prints what it is. As root on Debian, a few minutes; not part of `npm test`.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Owner } from '../helpers/processes.ts'
import { buildImage } from './build-image.ts'
import { describeImage } from './describe-image.ts'
import { requirePrograms } from './exec.ts'
import { runOnNode } from './node-scenario.ts'
import { runInPod } from './pod-scenario.ts'
import { runUnderProfile } from './profile-scenario.ts'

/** What has to be undone, the last first. */
class Undoing implements Owner {
  readonly #steps: (() => Promise<void> | void)[] = []

  after(step: () => Promise<void> | void): void {
    this.#steps.unshift(step)
  }

  async undo(): Promise<void> {
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
      try {
        await step()
      } catch (error) {
        console.error(`Cannot clean up: ${String(error)}`)
      }
    }
  }
}

const owner = new Undoing()
let ending: Promise<void> | null = null
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void end(1))
try {
  await main()
  await end(0)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await end(1)
}

/** A signal also makes what is under way fail: both wait for the same clean-up. */
async function end(code: number): Promise<never> {
  await (ending ??= owner.undo())
  process.exit(code)
}

async function main(): Promise<void> {
  requirePrograms()
  const folder = mkdtempSync(join(tmpdir(), 'dnslet-image-'))
  owner.after(() => rmSync(folder, { recursive: true, force: true }))
  const image = buildImage(owner, folder)
  describeImage(image)
  for (const scenario of [runOnNode, runUnderProfile, runInPod]) {
    const own = new Undoing()
    owner.after(() => own.undo())
    const place = join(folder, scenario.name)
    mkdirSync(place)
    await scenario(own, place, image)
    await own.undo()
  }
}

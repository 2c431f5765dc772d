import assert from 'node:assert/strict'

import type { Owner } from '../helpers/processes.ts'
import { readProfile } from '../helpers/seccomp/profile.ts'
import type { BuiltImage } from './build-image.ts'
import { becomesReady, checkAnswers, checkProcess, say } from './checks.ts'
import { type Container, LOCAL, readManifest, startContainer } from './container.ts'
import { ADDRESSES, checkInterception, ended, replaced } from './node-scenario.ts'
import { startNode } from './node-stand-in.ts'
import { allowedBy, runtimeDefault } from './seccomp.ts'

const seccompProfile = { type: 'Localhost', localhostProfile: 'profiles/dnslet.json' }
const CAPABILITIES = ['NET_BIND_SERVICE', 'NET_ADMIN']

/** nodelocaldns.yaml with deploy/seccomp in place of the runtime's profile. */
export async function runUnderProfile(
  owner: Owner,
  folder: string,
  image: BuiltImage,
): Promise<void> {
  checkNarrower()
  const { pod, corefileBase } = readManifest('nodelocaldns.yaml')
  const securityContext = { ...pod.securityContext, seccompProfile }
  const manifest = { pod: { ...pod, securityContext }, corefileBase }
  const node = await startNode(owner, folder)
  const start = (name: string): Promise<Container> =>
    startContainer(owner, { image, manifest, node, folder, name })
  const old = await start('old')
  await becomesReady(node, LOCAL, old)
  checkAnswers(node, ADDRESSES)
  checkProcess(old, { uid: 0, capabilities: CAPABILITIES })
  checkInterception(node, old)
  checkRefused(old)
  const young = await start('young')
  await replaced(node, old, young)
  await ended(node, young)
}

/** It allows nothing that the default of runtimes does not allow, and less. */
function checkNarrower(): void {
  const own = allowedBy(readProfile())
  const theirs = allowedBy(runtimeDefault(CAPABILITIES.map((name) => `CAP_${name}`)))
  const beyond = [...own].filter((name) => !theirs.has(name))
  assert.deepEqual(beyond, [], 'allowed here, and not by default')
  say(`seccomp/dnslet.json: allows ${own.size} system calls, the default profile ${theirs.size}`)
}

function checkRefused({ run }: Container): void {
  for (const command of ['mount -t tmpfs none /tmp', 'unshare --net true', 'chroot / true']) {
    assert.throws(() => run(...command.split(' ')), /Function not implemented/, command)
  }
  say('  mount, unshare and chroot are refused in it')
}

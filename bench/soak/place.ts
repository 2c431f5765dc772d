import { rmSync } from 'node:fs'

import type { Endpoint } from '../../src/lib/address.ts'
import type { Owner, Running } from '../../test/helpers/processes.ts'

/** Pods of kube-dns behind each server. */
export const PODS = 3

/**
 * Put before a command: a session of its own, so that Ctrl-C reaches the soak alone, which ends the others. Linux also
 * gives sessions equal shares of the CPU (sched_autogroup), as nodes give them to pods.
 */
export const OWN_SESSION: readonly string[] = ['setsid']

/** Where a program of the soak runs. */
export type Spot = 'node' | 'clients' | 'outside' | `kube-dns-${number}`

/** The surroundings of one server: a node of its own, or ports of its own on 127.0.0.0/8. */
export interface Place {
  /** One line for people. */
  readonly describe: string
  /** For its files; removed with the place. */
  readonly folder: string
  /** Where dnslet is asked; in a node the ClusterIP, which its rules lead to it. */
  readonly intercepted: Endpoint
  /** Where any other server listens and is asked. */
  readonly server: Endpoint
  /** Addresses of the clients. */
  readonly clients: readonly string[]
  /** The kube-dns pods, and the name server beyond. */
  readonly pods: readonly Endpoint[]
  readonly outside: Endpoint
  /** Where names of the cluster are to be asked for: a Service's address, or every pod's. */
  readonly clusterDns: readonly Endpoint[]
  /** What an HTTP listener of the server binds to, and where clients find it. */
  readonly metrics: { readonly bind: string; readonly url: string }
  readonly health: string
  /** Whether dnslet sets up interface and rules here. */
  readonly intercepts: boolean
  readonly owner: Owner
  spawn(spot: Spot, argv: readonly string[], env?: NodeJS.ProcessEnv): Running
  /** Starts dnslet as it is deployed; a function that writes its Corefile comes first. */
  startDnslet(corefile: string): Promise<{ readonly running: Running; readonly corefile: string }>
  close(): Promise<void>
}

/**
 * Removes a folder should this process end without closing its place.
 *
 * @returns what calls that off
 */
export function removeAtExit(folder: string): () => void {
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  return () => void process.off('exit', remove)
}

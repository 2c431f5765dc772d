import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import type { Owner } from '../processes.ts'

/** A process inside a network namespace that does what it is told; see agent-main.ts. */
export interface Agent {
  readonly pid: number
  /** Its answer, or its error as a rejection. */
  call<T = unknown>(operation: string, ...args: readonly unknown[]): Promise<T>
  /** Answer to a datagram or a connection: who said it, `timeout`, or an error's code. */
  ask(protocol: 'udp' | 'tcp', address: string, options?: AskOptions): Promise<string>
}

export interface AskOptions {
  /** Keeps the socket, connected, and asks through it the next time. */
  readonly keep?: string
  readonly timeoutMs?: number
}

const main = join(import.meta.dirname, 'agent-main.ts')

/** Starts an agent in a namespace; it ends with its owner. */
export function startAgent(owner: Owner, namespace: string): Agent {
  const args = ['netns', 'exec', namespace, process.execPath, main]
  const child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = new Map<number, (message: { error?: string; result?: unknown }) => void>()
  createInterface(child.stdout).on('line', (line) => {
    const message = JSON.parse(line) as { id: number; error?: string; result?: unknown }
    waiting.get(message.id)?.(message)
    waiting.delete(message.id)
  })
  child.on('exit', (code, signal) => {
    for (const end of waiting.values()) end({ error: `the agent ended with ${code ?? signal}` })
    waiting.clear()
  })
  owner.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    // At its own pace, so that coverage is written; a stopped one has to go on first.
    child.kill('SIGCONT')
    child.stdin.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
    await once(child, 'exit')
    clearTimeout(timer)
  })
  let last = 0
  const call = <T>(operation: string, ...parameters: readonly unknown[]): Promise<T> => {
    const id = ++last
    if (child.exitCode !== null || child.signalCode !== null) {
      return Promise.reject(new Error('the agent has ended'))
    }
    child.stdin.write(`${JSON.stringify({ id, operation, parameters })}\n`)
    return new Promise((resolve, reject) => {
      waiting.set(id, ({ error, result }) => {
        if (error === undefined) resolve(result as T)
        else reject(new Error(error))
      })
    })
  }
  return {
    pid: child.pid ?? 0,
    call,
    ask: (protocol, address, options = {}) => call('ask', protocol, address, options),
  }
}

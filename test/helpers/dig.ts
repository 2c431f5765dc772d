import { execFile } from 'node:child_process'

import { findTool } from './debian.ts'

interface Line {
  readonly name: string
  readonly ttl: number
  readonly type: string
  readonly data: string
}

/** An answer as dig or kdig prints it. */
export interface Dug {
  readonly status: string
  readonly id: number
  readonly flags: readonly string[]
  /** What is printed of the OPT record; null where the answer has none. */
  readonly edns: string | null
  readonly answer: readonly Line[]
  readonly authority: readonly Line[]
  readonly additional: readonly Line[]
  /** All that was printed. */
  readonly text: string
}

export interface Server {
  readonly address: string
  readonly port: number
}

/** Runs `dig @server -p port …args` with one try of two seconds. */
export async function dig(server: Server, ...args: readonly string[]): Promise<Dug> {
  const limits = ['+time=2', '+tries=1']
  return parseDig(await runTool('dig', server, [...limits, ...args]))
}

/** Runs `kdig @server -p port …args` with one try of two seconds. */
export async function kdig(server: Server, ...args: readonly string[]): Promise<Dug> {
  const limits = ['+time=2', '+retry=0']
  return parseDig(await runTool('kdig', server, [...limits, ...args]))
}

function runTool(tool: string, server: Server, args: readonly string[]): Promise<string> {
  const all = [`@${server.address}`, '-p', String(server.port), ...args]
  return new Promise((resolve, reject) => {
    execFile(findTool(tool) ?? tool, all, { timeout: 10_000 }, (error, stdout) => {
      // Exit code 9 is "no answer": callers read that from the text.
      if (error !== null && stdout === '') reject(error)
      else resolve(stdout)
    })
  })
}

/** Reads the long format of dig and kdig. Of several answers, the first. */
function parseDig(text: string): Dug {
  const [first = ''] = text.split(/\n;; (?:Query time|Received)/)
  return {
    status: /status: (\w+)/.exec(first)?.[1] ?? 'NO ANSWER',
    id: Number(/id: (\d+)/.exec(first)?.[1] ?? -1),
    flags: /flags: ([a-z ]*);/i.exec(first)?.[1]?.trim().split(' ') ?? [],
    edns:
      /^;; (?:OPT|EDNS) PSEUDOSECTION:\n((?:;.*\n)*?)(?=\n|;; QUESTION)/m.exec(first)?.[1] ?? null,
    answer: section(first, 'ANSWER'),
    authority: section(first, 'AUTHORITY'),
    additional: section(first, 'ADDITIONAL'),
    text,
  }
}

function section(text: string, name: string): Line[] {
  const lines = new RegExp(`;; ${name} SECTION:\\n((?:[^;\\n].*\\n?)*)`).exec(text)?.[1] ?? ''
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [owner = '', ttl = '', , type = '', ...data] = line.split(/\s+/)
      return { name: owner, ttl: Number(ttl), type, data: data.join(' ') }
    })
}

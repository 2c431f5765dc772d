// Runs inside a network namespace. Reads {id, operation, parameters} from standard input, a line
// each, and writes {id, result} or {id, error}.
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

import { findKubeProxy } from '../../../src/host/kube-proxy.ts'
import { ProgramError, hostPrograms, type Programs } from '../../../src/host/programs.ts'
import { chooseRules } from '../../../src/host/rules/choose-rules.ts'
import type { Rules } from '../../../src/host/rules/rules.ts'
import { Descriptors } from '../../../src/sys/descriptors.ts'
import { libc } from '../../../src/sys/libc.ts'
import { nullLog } from '../null-log.ts'
import type { AskOptions } from './agent.ts'

const PORT = 53
const kept = new Map<string, UdpSocket | Socket>()
const warnings: string[] = []
const servers: { close(): unknown }[] = []
let rules: Rules
let renewals: NodeJS.Timeout | undefined
let runs = 0

interface ChooseOptions {
  addresses: string[]
  orphans?: string[]
  uplinks?: string[]
  interception?: 'local' | 'socket'
  withoutNft?: boolean
}

const operations: Record<string, (...parameters: never[]) => unknown> = {
  async serve(name: string, addresses: string[]) {
    for (const address of addresses) {
      const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4')
      udp.on('message', (_, from) => udp.send(name, from.port, from.address))
      udp.bind(PORT, address)
      servers.push(udp)
      await once(udp, 'listening')
      const tcp = createServer((socket) => {
        socket.on('data', () => socket.write(name)).on('error', () => {})
      })
      await once(tcp.listen(PORT, address), 'listening')
      servers.push(tcp)
    }
  },
  stopServing() {
    for (const server of servers.splice(0)) server.close()
  },
  ask: (protocol: 'udp' | 'tcp', address: string, options: AskOptions) =>
    protocol === 'udp' ? askUdp(address, options) : askTcp(address, options),
  async choose({ withoutNft = false, uplinks = [], ...rest }: ChooseOptions) {
    rules = await chooseRules({
      libc: libc().libc!,
      descriptors: new Descriptors(),
      log: { ...nullLog, warning: (message) => void warnings.push(message) },
      programs: counted(withoutNft ? without('nft') : hostPrograms()),
      orphans: [],
      port: PORT,
      healthPort: 8080,
      interception: 'local',
      uplinks: () => Promise.resolve(uplinks),
      ...rest,
    })
    return `${rules.kind} ${rules.lease}`
  },
  /** What was warned of since the last call. */
  warnings: () => warnings.splice(0),
  install: (intercepting?: boolean) => rules.install(intercepting),
  check: (shared?: boolean) => rules.check(shared),
  /** Programs run since the last call. */
  runs() {
    const before = runs
    runs = 0
    return before
  },
  renew: () => rules.renew(),
  setFallback: (targets: string[]) => rules.setFallback(targets),
  renewFallback: () => rules.renewFallback(),
  isLeased: () => rules.isLeased(),
  withdraw: (drainMs?: number) => rules.withdraw(drainMs),
  remove: () => rules.remove(),
  renewing(on: boolean) {
    clearInterval(renewals)
    if (on) renewals = setInterval(() => void rules.renew(), 1000)
    return on ? rules.renew() : true
  },
  findKubeProxy: (address: string) => findKubeProxy(hostPrograms(), address, PORT),
}

function counted(all: Programs): Programs {
  return {
    run: (...call) => {
      runs++
      return all.run(...call)
    },
  }
}

function without(program: string): Programs {
  const all = hostPrograms()
  return {
    run: async (name, ...rest) => {
      if (name === program) throw new ProgramError('E_NO_PROGRAM', `Cannot run ${name}: not here`)
      return all.run(name, ...rest)
    },
  }
}

async function askUdp(address: string, { keep, timeoutMs = 1000 }: AskOptions): Promise<string> {
  const found = keep === undefined ? undefined : (kept.get(keep) as UdpSocket | undefined)
  const socket = found ?? createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('message', (message) => resolve(message.toString()))
    socket.once('error', reject)
  })
  return conclude(socket, keep, timeoutMs, answer, async () => {
    if (found === undefined) {
      socket.connect(PORT, address)
      await once(socket, 'connect')
    }
    await new Promise<void>((resolve, reject) => {
      socket.send('who', (error) => (error === null ? resolve() : reject(error)))
    })
  })
}

async function askTcp(address: string, { keep, timeoutMs = 1000 }: AskOptions): Promise<string> {
  const found = keep === undefined ? undefined : (kept.get(keep) as Socket | undefined)
  const socket = found ?? connect(PORT, address)
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString()))
    socket.once('error', reject)
    socket.once('end', () => reject(Object.assign(new Error(), { code: 'ended' })))
  })
  return conclude(socket, keep, timeoutMs, answer, () => void socket.write('who'))
}

async function conclude(
  socket: UdpSocket | Socket,
  keep: string | undefined,
  timeoutMs: number,
  answer: Promise<string>,
  send: () => Promise<void> | void,
): Promise<string> {
  const late = new Promise<string>((resolve) => {
    setTimeout(resolve, timeoutMs, 'timeout').unref()
  })
  answer.catch(() => {})
  try {
    await send()
    return await Promise.race([answer, late])
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    socket.removeAllListeners().on('error', () => {})
    if (keep !== undefined) kept.set(keep, socket)
    else if ('destroy' in socket) socket.destroy()
    else socket.close()
  }
}

createInterface(process.stdin)
  .on('line', (line) => void handle(line))
  .on('close', () => process.exit(0))

async function handle(line: string): Promise<void> {
  const { id, operation, parameters } = JSON.parse(line) as {
    id: number
    operation: string
    parameters: never[]
  }
  let answer: object
  try {
    answer = { id, result: await operations[operation]!(...parameters) }
  } catch (error) {
    answer = { id, error: String(error) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

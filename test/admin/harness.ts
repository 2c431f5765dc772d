import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'

import { Admin, type AdminParts } from '../../src/admin/index.ts'
import { AdminClient } from '../../src/commands/admin-client.ts'
import type { Daemon } from '../../src/daemon/daemon.ts'
import { openDaemon } from '../../src/daemon/open.ts'
import { StateFile } from '../../src/host/state-directory.ts'
import { nodeMetrics } from '../../src/node/metrics.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import type { Owner } from '../helpers/processes.ts'

/** A server over UDP with one address for every name, NXDOMAIN below `nx.`, and silence below `silent.`. */
export interface SmallDns {
  readonly port: number
  /** Names that were asked for, in the octets of the message. */
  readonly asked: Buffer[]
}

export async function startSmallDns(owner: Owner): Promise<SmallDns> {
  const socket = createSocket('udp4')
  const asked: Buffer[] = []
  socket.on('message', (query, { address, port }) => {
    const end = query.indexOf(0, 12) + 5
    const name = query.subarray(12, end - 4)
    asked.push(Buffer.from(name))
    if (name.includes('silent')) return
    const head = Buffer.from(query.subarray(0, end))
    const isAbsent = name.includes('nx')
    head[2] = 0x81
    head[3] = isAbsent ? 0x83 : 0x80
    head.writeUInt16BE(isAbsent ? 0 : 1, 6)
    head.writeUInt32BE(0, 8)
    const record = Buffer.from('c00c000100010000001e0004c0000201', 'hex')
    socket.send(isAbsent ? head : Buffer.concat([head, record]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  owner.after(() => void socket.close())
  return { port: socket.address().port, asked }
}

export interface Operated {
  readonly daemon: Daemon
  readonly admin: Admin
  readonly client: AdminClient
  readonly socket: string
  readonly folder: string
  readonly log: LinesLog
  readonly upstream: SmallDns
  /** Writes another Corefile, `UPSTREAM` replaced, and has it loaded. */
  reload(corefile: string): Promise<void>
  /** What comes back for these octets, until the connection is closed or `enough` says so. */
  raw(octets: string | Buffer, enough?: (text: string) => boolean): Promise<string>
}

export const COREFILE = `cluster.local:0 {
  bind 127.0.0.1
  errors
  prometheus 127.0.0.1:0
  cache
  rewrite name old.cluster.local new.cluster.local
  forward . UPSTREAM
}
example.org:0 {
  bind 127.0.0.1
  acl {
    block type ANY net *
  }
  cache 30
  forward . UPSTREAM 127.0.0.1:9 {
    policy sequential
  }
}
`

/** A daemon in this process, behind ports that the kernel chooses, and its admin interface. */
export async function operate(
  owner: Owner,
  more: Partial<AdminParts> = {},
  corefile: string = COREFILE,
): Promise<Operated> {
  const folder = temporaryFolder(owner)
  const upstream = await startSmallDns(owner)
  const path = join(folder, 'Corefile')
  const write = (text: string): void =>
    writeFileSync(path, text.replaceAll('UPSTREAM', `127.0.0.1:${upstream.port}`))
  write(corefile)
  const log = new LinesLog()
  const fatal = (message: string): never => {
    throw new Error(message)
  }
  const warn = (): void => {}
  const source = new CorefileSource(path, { directives: knownDirectives, env: {}, warn })
  const daemon = await openDaemon({ source, port: 0, log, fatal, metrics: nodeMetrics })
  const admin = await Admin.open({
    daemon,
    log,
    directory: folder,
    overHttp: false,
    intercepts: false,
    addresses: [],
    sources: () => ({ sources: {}, secondsSinceLastClientQuery: null }),
    ...more,
  })
  owner.after(async () => {
    await admin.close()
    await daemon.stop()
  })
  const socket = join(folder, StateFile.Admin)
  return {
    daemon,
    admin,
    client: new AdminClient(socket),
    socket,
    folder,
    log,
    upstream,
    async reload(text) {
      write(text)
      await daemon.reload()
    },
    raw: (octets, enough) => exchangeRaw(connect(socket), octets, enough),
  }
}

async function exchangeRaw(
  socket: Socket,
  octets: string | Buffer,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  let text = ''
  socket.on('error', () => {})
  socket.write(octets)
  await new Promise<void>((resolve) => {
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
      if (enough(text)) resolve()
    })
    socket.once('close', () => resolve())
  })
  socket.destroy()
  return text
}

/** The answer's status; 0 for a connection that was closed without one. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
}

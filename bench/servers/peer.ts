import { type Place, type Server, environment } from './server.ts'

/** A further server, as `--peer name=command@port` describes it. */
export interface PeerSpec {
  readonly name: string
  readonly command: string
  readonly port: number
}

/** Reads `name=command@port`. Throws Error when a part is missing or the port is not one. */
export function parsePeer(text: string): PeerSpec {
  const parts = /^([\w.-]+)=(.+)@(\d+)$/s.exec(text)
  const [name, command, port] = [parts?.at(1), parts?.at(2), Number(parts?.at(3))]
  if (name === undefined || command === undefined) {
    throw new Error(`Cannot read peer "${text}": expected name=command@port`)
  }
  if (port < 1 || port > 65_535) throw new Error(`Cannot read peer "${text}": no such port`)
  return { name, command, port }
}

/** The peer's command runs in a shell, which it replaces. */
export function peer(spec: PeerSpec, place: Place): Server {
  return {
    name: spec.name,
    port: spec.port,
    argv: ['sh', '-c', `exec ${spec.command}`],
    env: environment(place),
    versionArgv: null,
  }
}

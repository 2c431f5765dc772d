import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

import { findTool } from '../debian.ts'
import { bin } from '../dnslet.ts'
import type { Owner } from '../processes.ts'
import { kubectl } from './kubectl.ts'

/** Where the daemon is that documented commands are sent to, in place of the addresses of a cluster. */
export interface Stage {
  /** Folder for programs; it goes before all others in the PATH. */
  readonly folder: string
  readonly port: number
  readonly metricsPort: number
  readonly stateDirectory: string
  /** Whether conntrack's counters can be read here. */
  readonly hasConntrack: boolean
}

/**
 * Writes programs of the names that documents use. dig, curl and `dnslet bench` are the real ones, led from the
 * addresses of a cluster to this machine, and bench is quick; kubectl and docker are stand-ins. Whatever does not
 * succeed ends with a status, whatever the real one ends with.
 */
export async function writePrograms(owner: Owner, stage: Stage): Promise<void> {
  const { folder, hasConntrack } = stage
  const socket = join(folder, 'kubectl.sock')
  await serveKubectl(owner, socket)
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!/bin/bash\nset -euo pipefail\n${text}`)
    chmodSync(join(folder, name), 0o755)
  }
  write('kubectl', kubectlScript(socket))
  write('dig', digScript(stage))
  write('curl', curlScript(stage))
  write('dnslet', dnsletScript(stage))
  write('docker', DOCKER)
  if (!hasConntrack) for (const name of ['conntrack', 'sysctl']) write(name, 'exit 0\n')
}

/** A process for each kubectl would take longer than all the rest. */
async function serveKubectl(owner: Owner, path: string): Promise<void> {
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const [folder = '', ...argv] = Buffer.concat(chunks).toString().split('\0').slice(0, -1)
      try {
        const { text, inside } = kubectl(argv, folder)
        response.end(inside.length === 0 ? `print\0${text}` : `run\0${inside.join('\0')}\0`)
      } catch (error) {
        response.end(`fail\0${error instanceof Error ? error.message : String(error)}\n`)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  owner.after(() => void server.close())
}

function kubectlScript(socket: string): string {
  const ask = `'${findTool('curl') ?? 'curl'}' --silent --fail --max-time 20 --unix-socket '${socket}' --data-binary @- http://kubectl/`
  return `mapfile -d '' -t answer < <(printf '%s\\0' "$PWD" "$@" | ${ask})
case \${answer[0]} in
  print) printf '%s' "\${answer[1]-}" ;;
  run) exec "\${answer[@]:1}" ;;
  *) echo "kubectl: \${answer[1]-no answer}" >&2; exit 1 ;;
esac
`
}

/** The image's program is the one that was built. */
const DOCKER = `[ "\${*:1:4}" = "run --rm -i registry.example.com/dnslet:0.1.0" ] || { echo "docker: what is $*?" >&2; exit 1; }
exec '${bin}' "\${@:5}"
`

/** dig ends with 0 for SERVFAIL, too. */
function digScript({ port }: Stage): string {
  return `words=()
for word; do
  case $word in
    @*) words+=(@127.0.0.1 -p ${port}) ;;
    *) words+=("$word") ;;
  esac
done
answer=$('${findTool('dig') ?? 'dig'}' +time=2 +tries=1 "\${words[@]}")
echo "$answer"
grep -q 'status: NOERROR' <<< "$answer"
`
}

/** What is scraped is kept for a page's other scrapes, each of which would wait for a rendering, for a second. */
function curlScript({ metricsPort }: Stage): string {
  return `[ "$*" = "-s http://192.0.2.10:9253/metrics" ] || { echo "curl: what is $*?" >&2; exit 1; }
scraped="$AT.metrics"
[ -s "$scraped" ] ||
  '${findTool('curl') ?? 'curl'}' -sS --fail --max-time 5 http://127.0.0.1:${metricsPort}/metrics > "$scraped"
cat "$scraped"
`
}

/**
 * Two addresses of this machine stand for two servers. `doctor` finds fault with a machine that is no node, and a
 * slow look-up of bench is the machine's affair, a failed one is not.
 */
function dnsletScript({ port, stateDirectory }: Stage): string {
  return `export DNSLET_STATE_DIR='${stateDirectory}'
command=$1
if [ "$command" = bench ]; then
  words=() last= named=
  for word; do
    case $last in
      -d) word=0.1 ;;
      --server) named=yes; [ "$word" = 169.254.20.10 ] && word=127.0.0.1:${port} || word=127.0.0.2:${port} ;;
    esac
    words+=("$word")
    last=$word
  done
  [ -n "$named" ] || words+=(--server 127.0.0.1:${port})
  set -- "\${words[@]}"
fi
status=0
'${bin}' "$@" > "$AT.out" || status=$?
cat "$AT.out"
case $command in
  doctor) if [ $status -le 2 ] && grep -q . "$AT.out"; then status=0; fi ;;
  bench) [ $status -ne 1 ] || grep '^ *errors' "$AT.out" | grep -vq ' 0 (0 %)' || status=0 ;;
esac
exit $status
`
}

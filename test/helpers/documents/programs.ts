import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { findTool } from '../debian.ts'
import { bin } from '../dnslet.ts'

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
 * addresses of a cluster to this machine, and bench is quick; kubectl is a stand-in. Whatever does not succeed ends
 * with a status, whatever the real one ends with.
 */
export function writePrograms(stage: Stage): void {
  const { folder, hasConntrack } = stage
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!/bin/bash\nset -euo pipefail\n${text}`)
    chmodSync(join(folder, name), 0o755)
  }
  const kubectl = join(import.meta.dirname, 'kubectl-main.ts')
  write('kubectl', `exec '${process.execPath}' '${kubectl}' "$@"\n`)
  write('dig', digScript(stage))
  write('curl', curlScript(stage))
  write('dnslet', dnsletScript(stage))
  if (!hasConntrack) for (const name of ['conntrack', 'sysctl']) write(name, 'exit 0\n')
}

/** dig ends with 0 for SERVFAIL, too. */
function digScript({ port }: Stage): string {
  return `words=()
for word; do
  case $word in
    @*) words+=(@127.0.0.1 -p ${port}) ;;
    *) words+=("$word") ;;
  esac
done
'${findTool('dig') ?? 'dig'}' +time=2 +tries=1 "\${words[@]}" | tee /dev/stderr | grep -q 'status: NOERROR'
`
}

function curlScript({ metricsPort }: Stage): string {
  return `words=()
for word; do words+=("\${word/#http:\\/\\/192.0.2.10:9253\\//http://127.0.0.1:${metricsPort}/}"); done
exec '${findTool('curl') ?? 'curl'}' --fail --max-time 5 "\${words[@]}"
`
}

/** Two addresses of this machine stand for two servers. `doctor` finds fault with a machine that is no node. */
function dnsletScript({ port, stateDirectory }: Stage): string {
  return `export DNSLET_STATE_DIR='${stateDirectory}'
command=$1
if [ "$command" = bench ]; then
  words=() last= named=
  for word; do
    case $last in
      -d) word=0.2 ;;
      --server) named=yes; [ "$word" = 169.254.20.10 ] && word=127.0.0.1:${port} || word=127.0.0.2:${port} ;;
    esac
    words+=("$word")
    last=$word
  done
  [ -n "$named" ] || words+=(--server 127.0.0.1:${port})
  set -- "\${words[@]}"
fi
status=0
'${bin}' "$@" || status=$?
[ "$command" != doctor ] || [ $status -gt 2 ] || status=0
exit $status
`
}

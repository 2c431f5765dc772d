import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isIP } from 'node:net'
import { readText } from './reading.ts'

/** What kubelet tells pods that their name server is. */
export interface KubeletDns {
  /** IP addresses. */
  readonly addresses: readonly string[]
  /** Where that stands: a flag of process 812, or a file. */
  readonly from: string
}

/** Where kubeadm and most installers have its configuration. */
const CONFIGURATIONS = ['/var/lib/kubelet/config.yaml', '/etc/kubernetes/kubelet/config.json']
/** Processes that are looked at. */
const MAX_PROCESSES = 20_000

/**
 * kubelet's --cluster-dns, of its command line or else of its configuration; null where neither is to be
 * seen, as in most containers.
 *
 * @param root in place of `/`, for tests
 */
export function readKubeletDns(root = '/'): KubeletDns | null {
  for (const pid of processes(root)) {
    const line = readText(`/proc/${pid}/cmdline`, root, 65_536)
    if (!('value' in line) || !/(^|\/)kubelet(\0|$)/.test(line.value)) continue
    const addresses = clusterDnsFlag(line.value.split('\0'))
    if (addresses.length > 0) return { addresses, from: `--cluster-dns of process ${pid}` }
  }
  for (const path of CONFIGURATIONS) {
    const text = readText(path, root, 1_048_576)
    const addresses = 'value' in text ? clusterDnsOf(text.value) : []
    if (addresses.length > 0) return { addresses, from: `clusterDNS in ${path}` }
  }
  return null
}

function clusterDnsFlag(words: readonly string[]): string[] {
  const at = words.findIndex((word) => /^--?cluster-dns(=|$)/.test(word))
  if (at < 0) return []
  const value = words[at]!.includes('=') ? words[at]!.replace(/^[^=]*=/, '') : (words[at + 1] ?? '')
  return value.split(',').filter((word) => isIP(word) !== 0)
}

/** `clusterDNS` of a KubeletConfiguration, whose list is the only thing of its kind in YAML and in JSON. */
export function clusterDnsOf(text: string): string[] {
  const [, list = ''] =
    /"?clusterDNS"?:\s*\[?((?:[\s,]*(?:- +)?["']?[0-9a-fA-F.:]+["']?)+)/.exec(text) ?? []
  return list.split(/[\s,"'[\]]+|- /).filter((word) => isIP(word) !== 0)
}

function processes(root: string): string[] {
  try {
    const names = readdirSync(join(root, 'proc')).filter((name) => /^\d+$/.test(name))
    return names.slice(0, MAX_PROCESSES)
  } catch {
    return []
  }
}

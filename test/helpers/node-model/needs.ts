import { findTool } from '../debian.ts'

const TOOLS = [
  'ip',
  'nft',
  'iptables-nft',
  'iptables-nft-restore',
  'sysctl',
  'nsd',
  'dig',
  'setpriv',
]

/** For the `skip` option of a suite: false where a model can be built, else the reason. */
export function requireNodeModel(...more: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = [...TOOLS, ...more].filter((tool) => findTool(tool) === null)
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`
}

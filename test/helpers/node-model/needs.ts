import { spawnSync } from 'node:child_process'

import { findTool, requireTools } from '../debian.ts'

/**
 * For the `skip` option of a suite: false where a model can be built, else the reason. `more` are
 * programs that this suite runs beside those of the model.
 */
export function requireNodeModel(...more: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = more.filter((tool) => findTool(tool) === null)
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  const tools = requireTools('ip', 'nft', 'iptables-nft', 'sysctl', 'nsd', 'dig')
  if (tools !== false) return tools
  // Root of a container may lack CAP_SYS_ADMIN.
  const allowed = spawnSync('unshare', ['--net', '--mount', 'true']).status === 0
  return allowed ? false : 'needs the right to make network namespaces'
}

import type { Manner } from '../client.ts'
import type { ResolverConfig } from '../resolv-conf.ts'
import { GlibcClient, type GlibcMode } from './glibc-manner.ts'

/** What programs of Debian, Ubuntu and Red Hat do, with the options of their resolv.conf. */
export const glibc: Manner = {
  name: 'glibc',
  describe: 'A and AAAA at once from one port, 5 s, 2 attempts; options of resolv.conf honoured',
  // One for each server, and no file has more than three.
  descriptors: 3,
  create: (parts) => new GlibcClient(parts, modeOf(parts.config)),
}

function modeOf(config: ResolverConfig): GlibcMode {
  if (config.useVc) return 'tcp'
  if (config.singleRequestReopen) return 'reopen'
  return config.singleRequest ? 'serial' : 'parallel'
}

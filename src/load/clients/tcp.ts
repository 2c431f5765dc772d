import type { Manner } from '../client.ts'
import { GlibcClient } from './glibc-manner.ts'

/** glibc with use-vc, see `GlibcClient`. */
export const tcp: Manner = {
  name: 'tcp',
  describe: 'glibc with use-vc: both questions over a new TCP connection',
  descriptors: 1,
  create: (parts) => new GlibcClient(parts, 'tcp'),
}

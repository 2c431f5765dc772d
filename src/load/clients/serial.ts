import type { Manner } from '../client.ts'
import { GlibcClient } from './glibc-manner.ts'

/** glibc with single-request, see `GlibcClient`. */
export const serial: Manner = {
  name: 'serial',
  describe: 'glibc with single-request: one question after the other from one port',
  descriptors: 3,
  create: (parts) => new GlibcClient(parts, 'serial'),
}

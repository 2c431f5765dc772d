import type { Manner } from '../client.ts'
import { GlibcClient } from './glibc-manner.ts'

/** glibc with single-request-reopen, see `GlibcClient`. */
export const reopen: Manner = {
  name: 'reopen',
  describe:
    'glibc with single-request-reopen: each question from a port of its own, one after the other',
  descriptors: 3,
  create: (parts) => new GlibcClient(parts, 'reopen'),
}

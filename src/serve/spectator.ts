import type { Observer } from './query.ts'
import type { Stage } from './plugin.ts'

/**
 * Who looks at the daemon's queries from outside their blocks: nobody, most of the time, and then a query
 * costs one comparison for it. Told of every query once its reply is out, after the block's observers and
 * under their terms, and of those that no block took: nothing of it may be held on to. It must not throw.
 */
export const spectator: {
  seen: Observer | null
  /** Told as `Stage.exchanged` is, of all blocks; null unless somebody traces a question of his own. */
  exchanged: NonNullable<Stage['exchanged']> | null
} = { seen: null, exchanged: null }

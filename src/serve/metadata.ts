import type { BlockContext, Metadatum, Stage } from './plugin.ts'
import type { Query } from './query.ts'

/** What the plugins of a block publish of queries, for others to read by its label. */
export class BlockMetadata {
  readonly #stages: BlockContext['stages']
  #collector: Stage | null = null
  /** Null until first asked for: the stages are complete only after they are set up. */
  #byLabel: Map<string, Metadatum> | null = null

  constructor({ stages }: Pick<BlockContext, 'stages'>) {
    this.#stages = stages
  }

  /** The value of `plugin/name` for a query, or null: nobody has one, or the block does not collect metadata. */
  value(label: string, q: Query): string | null {
    this.#byLabel ??= this.#read()
    const found = this.#byLabel.get(label)
    if (found === undefined) return null
    return found.late === true || this.#collector!.collects!(q) ? found.of(q) : null
  }

  #read(): Map<string, Metadatum> {
    const byLabel = new Map<string, Metadatum>()
    this.#collector = this.#stages.find(({ stage }) => stage.collects !== undefined)?.stage ?? null
    if (this.#collector === null) return byLabel
    for (const { stage } of this.#stages) {
      for (const metadatum of stage.metadata ?? []) byLabel.set(metadatum.label, metadatum)
    }
    return byLabel
  }
}

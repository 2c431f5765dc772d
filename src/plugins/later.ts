import type { Directive } from '../corefile/parse.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import type { BlockContext, Plugin, Stage } from '../serve/plugin.ts'

/**
 * A plugin whose code comes with the first Corefile that has its directive: most have a few of them, and a
 * start is to take no time for the others. Before `load()` it is a name, and counts nothing but what it always does.
 */
export class LatePlugin implements Plugin {
  readonly name: string
  readonly #load: () => Promise<Readonly<Record<string, Plugin>>>
  readonly #always: readonly MetricSpec[]
  #plugin: Plugin | null = null

  constructor(
    name: string,
    load: () => Promise<Readonly<Record<string, Plugin>>>,
    always: readonly MetricSpec[],
  ) {
    this.name = name
    this.#load = load
    this.#always = always
  }

  get isLoaded(): boolean {
    return this.#plugin !== null
  }

  /** Brings the code; rejects where the module does not export a plugin of this name. */
  async load(): Promise<void> {
    const plugin = (await this.#load())[this.name]
    if (plugin === undefined) throw new Error(`Cannot load plugin "${this.name}": not exported`)
    this.#plugin = plugin
  }

  get changesAnswers(): boolean {
    return this.#loaded().changesAnswers
  }

  get classes(): 'all' | undefined {
    return this.#plugin?.classes
  }

  get viewName(): Plugin['viewName'] {
    return this.#plugin?.viewName
  }

  get heapBytes(): number {
    return this.#plugin?.heapBytes ?? 0
  }

  get metrics(): readonly MetricSpec[] {
    return [...this.#always, ...(this.#plugin?.metrics ?? [])]
  }

  setup(directives: readonly Directive[], block: BlockContext): Stage {
    return this.#loaded().setup(directives, block)
  }

  #loaded(): Plugin {
    if (this.#plugin === null) throw new Error(`Cannot use plugin "${this.name}": not loaded`)
    return this.#plugin
  }
}

/**
 * A line of list.ts, for a module that exports a plugin under its own name.
 *
 * @param always metrics that are there without the plugin, too, and none of its own
 */
export function later(
  name: string,
  load: () => Promise<Readonly<Record<string, Plugin>>>,
  always: readonly MetricSpec[] = [],
): LatePlugin {
  return new LatePlugin(name, load, always)
}

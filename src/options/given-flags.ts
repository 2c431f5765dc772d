import { flagNamed } from './flags.ts'

/** The flags of one command line, by their canonical names, over the defaults of the flag table. */
export class GivenFlags {
  readonly #values: ReadonlyMap<string, string>
  /** Words after the flags. */
  readonly rest: readonly string[]

  constructor(values: ReadonlyMap<string, string>, rest: readonly string[]) {
    this.#values = values
    this.rest = rest
  }

  isSet(name: string): boolean {
    return this.#values.has(name)
  }

  /** The flag's value, its default where it is absent, '' where it has none. */
  text(name: string): string {
    return this.#values.get(name) ?? flagNamed(name)?.fallback ?? ''
  }

  /** True where a boolean flag was given and is not false. */
  isOn(name: string): boolean {
    return parseBoolean(this.#values.get(name) ?? 'false') === true
  }
}

/** The spellings Go's flag package takes, or null. */
export function parseBoolean(value: string): boolean | null {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  return null
}

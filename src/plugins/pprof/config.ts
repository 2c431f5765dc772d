import {
  both,
  CorefileError,
  countArgs,
  type Directive,
  errorAt,
  inPlugin,
  integer,
  listenAddress,
  once,
  type Option,
  read,
  type Token,
  unknownProperty,
  type Warn,
} from '../../corefile/directive.ts'

export interface PprofConfig {
  /** `host:port`, where host '' is every interface. */
  readonly address: string
  /** Whether delays of the event loop are watched. */
  readonly block: boolean
}

const DEFAULT_ADDRESS = 'localhost:6053'

const options = { block }

/** Reads the one `pprof` directive of a block. */
export function readConfig(directives: readonly Directive[], warn: Warn): PprofConfig {
  const directive = once(directives)
  return inPlugin(directive.name, () => {
    const [address, given] = both(
      () => readAddress(directive, warn),
      () => read(directive, options, { unknown: unknownProperty, warn }),
    )
    return Object.freeze({ address, block: given.block ?? false })
  })
}

function readAddress(directive: Directive, warn: Warn): string {
  const [token] = countArgs(directive, 0, 1)
  return token === undefined
    ? DEFAULT_ADDRESS
    : inGrammar(
        token,
        ({ reason }) => reason,
        () => listenAddress(token, warn),
      )
}

function block(option: Option): boolean {
  const [rate] = countArgs(option, 0, 1)
  if (rate === undefined) return true
  const problem = `property 'block' invalid integer value '${rate.text}'`
  return inGrammar(
    rate,
    () => problem,
    () => integer(rate) > 0,
  )
}

/** Reads a value whose error CoreDNS has as one of the grammar. */
function inGrammar<T>(at: Token, words: (error: CorefileError) => string, readOne: () => T): T {
  try {
    return readOne()
  } catch (error) {
    if (error instanceof CorefileError) throw errorAt(at, words(error))
    throw error
  }
}

import {
  argumentError,
  type Directive,
  inPlugin,
  once,
  type Warn,
  zonesOr,
} from '../../corefile/directive.ts'

/** The zones that have no AAAA records: those of the directive, or of its block. */
export function readZones(
  directives: readonly Directive[],
  block: readonly string[],
  warn: Warn,
): readonly string[] {
  const directive = once(directives)
  const { name, args, options } = directive
  return inPlugin(name, () => {
    if (options !== null) throw argumentError({ ...name, text: '{' })
    return zonesOr(args, block, warn)
  })
}

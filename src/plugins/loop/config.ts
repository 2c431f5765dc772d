import { countArgs, type Directive, inPlugin, noBraces, once } from '../../corefile/directive.ts'

/** Refuses everything but one bare `loop`. */
export function checkConfig(directives: readonly Directive[]): void {
  const directive = once(directives)
  inPlugin(directive.name, () => {
    countArgs(directive, 0, 0)
    noBraces(directive)
  })
}

import { type Directive, parse } from '../../../src/corefile/parse.ts'
import { type ForwardConfig, readConfig } from '../../../src/plugins/forward/config.ts'

/** The only directive of `. { … }`. */
function directiveOf(text: string): Directive {
  const [block] = parse(
    { file: 'Corefile', text: `. {\n${text}\n}\n` },
    { directives: ['forward'], env: {}, files: { read: () => '', glob: () => [] }, warn: () => {} },
  )
  return block!.directives.get('forward')![0]!
}

export function configOf(text: string): ForwardConfig {
  return readConfig(directiveOf(text))
}

/** The message of the error that reading the directive throws. */
export function errorOf(text: string): string {
  try {
    configOf(text)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`read without an error: ${text}`)
}

import { type ForwardConfig, readConfig } from '../../../src/plugins/forward/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

/** What the only directive of `. { … }` says. */
export function configOf(text: string): ForwardConfig {
  return readConfig(directivesOf('forward', text)[0]!)
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

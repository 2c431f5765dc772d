/** A text that is no template, or one that failed while it ran; the message is Go's. */
export class TemplateError extends Error {}

export type TokenType =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'keyword'
  | 'name'
  | 'field'
  | 'variable'
  | 'dot'
  | 'bool'
  | 'number'
  | 'char'
  | 'string'
  | 'raw'
  | '|'
  | '('
  | ')'
  | ':='
  | '='
  | 'other'
  | 'error'
  | 'end'

/** A piece of a template's text. */
export interface Token {
  readonly type: TokenType
  /** As written; of an error what is wrong. */
  readonly text: string
  /** Where it begins in the template's text. */
  readonly at: number
  /** Counted from 1. */
  readonly line: number
}

/** A word of a Corefile and where it was written. */
export interface Token {
  readonly text: string
  /** As given for the main file, the absolute path for an imported one. */
  readonly file: string
  /** Line of the token's first character, counted from 1. */
  readonly line: number
  /** True where no message may quote it: it comes of an imported file that may be no Corefile. */
  readonly hidden?: true
}

/** What messages show of a token. */
export function shown({ text, hidden }: Token): string {
  return hidden === true ? '…' : text
}

/** A token of another text in the same place. */
export function withText(token: Token, text: string): Token {
  const { file, line, hidden } = token
  return hidden === true ? { text, file, line, hidden } : { text, file, line }
}

/** A token as the lexer leaves it, with what only the parser needs to know. */
export interface Lexeme extends Token {
  /** True for the first token of a line; a file or snippet body starts a line too. */
  readonly first: boolean
}

/** A text to lex: the file's name as errors shall show it, and its content. */
export interface Source {
  readonly file: string
  readonly text: string
}

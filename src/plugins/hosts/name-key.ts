import { lowerCase } from '../../wire/bytes.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { textToName } from '../../wire/name.ts'
import { hashQuestion } from '../../wire/question-key.ts'
import { MAX_QUESTION_END, parseQuestion, Question, TYPE_AND_CLASS } from '../../wire/question.ts'

const ASTERISK = 0x2a
/**
 * A name to look up, in lower case, as the question of a message with nothing in its header; type and class
 * are zero, so that names alone are told apart. Scratch.
 */
export class NameKey {
  readonly bytes: Uint8Array = new Uint8Array(MAX_QUESTION_END)
  /** Where name and labels lie in `bytes`. */
  readonly question: Question = new Question()
  hash = 0

  /** Takes a name in presentation form; false where the text is none. */
  readText(text: string): boolean {
    const end = textToName(text, this.bytes, HEADER_SIZE)
    if (end >= 0) this.#complete(end)
    return end >= 0
  }

  /** Takes the name of a question that has been parsed. */
  readQuestion(wire: Uint8Array, { nameEnd }: Question): void {
    for (let i = HEADER_SIZE; i < nameEnd; i++) this.bytes[i] = wire[i]!
    this.#complete(nameEnd)
  }

  /** Takes the name of the wildcard that stands for `key` (RFC 4592); false for a top-level name. */
  readWildcard({ bytes, question }: NameKey): boolean {
    if (question.labelCount < 2) return false
    let at = HEADER_SIZE
    this.bytes[at++] = 1
    this.bytes[at++] = ASTERISK
    for (let i = question.labels[1]!; i < question.nameEnd; i++) this.bytes[at++] = bytes[i]!
    this.#complete(at)
    return true
  }

  get isWildcard(): boolean {
    return this.bytes[HEADER_SIZE] === 1 && this.bytes[HEADER_SIZE + 1] === ASTERISK
  }

  #complete(end: number): void {
    const { bytes, question } = this
    for (let i = HEADER_SIZE; i < end; i++) bytes[i] = lowerCase[bytes[i]!]!
    bytes.fill(0, end, end + TYPE_AND_CLASS)
    parseQuestion(bytes, end + TYPE_AND_CLASS, question)
    this.hash = hashQuestion(bytes, question, 0)
  }
}

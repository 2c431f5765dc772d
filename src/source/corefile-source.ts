import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { CorefileError } from '../corefile/error.ts'
import type { Environment } from '../corefile/expand.ts'
import { type FileSystem, nodeFiles } from '../corefile/files.ts'
import { parse, type ServerBlock, type Source as Text } from '../corefile/parse.ts'
import { DnsletError, reasonOf } from '../lib/errors.ts'
import { tokenRoom } from './heap-room.ts'

/** What `-conf` says for standard input. */
const STDIN = 'stdin'
/** Where the Corefile is looked for without `-conf`. */
const DEFAULT_PATH = 'Corefile'

/** A Corefile as read and parsed: at least one server block. */
export interface Corefile {
  /** Its name in error messages: the path as given. */
  readonly file: string
  readonly text: string
  readonly blocks: readonly ServerBlock[]
  /** `hashBlocks(blocks)`. */
  readonly hash: string
}

/** Where the daemon's Corefile comes from. */
export interface Source {
  /** The file to watch; null where there is none, or where the source watches by itself. */
  readonly path: string | null
  /** The Corefile as it is now. Throws a DnsletError where there is none that can be parsed. */
  load(): Corefile
}

/**
 * A Corefile in place of one that cannot be served for this reason; null where there is none. `failed`
 * is the hash of the latter, null where it could not even be loaded.
 */
export type Fallback = (reason: unknown, failed: string | null) => Corefile | null

/** What parsing needs beside the text. */
export interface ReadingParts {
  /** Every directive name the parser lets pass, implemented or not. */
  readonly directives: readonly string[]
  readonly env: Environment
  /** Hears of what is accepted but probably not meant. */
  readonly warn: (message: string) => void
  /** The real file system where absent. */
  readonly files?: FileSystem
  /** Hears of a mistake that the rest can be read in spite of; where absent, it is thrown. */
  readonly problem?: (error: CorefileError) => void
  /** Folders that relative imports are looked for in; where absent, the Corefile's own. */
  readonly importFrom?: readonly string[]
}

export interface CorefileSourceParts extends ReadingParts {
  /** Standard input where absent. */
  readonly stdin?: Stdin
}

/** Standard input: its text is read once, a terminal is not waited for. */
export interface Stdin {
  readonly isTerminal: boolean
  read(): string
}

/** The Corefile that `-conf` names, to be loaded at start and again at each reload. */
export class CorefileSource implements Source {
  /** The file to watch, null for standard input. */
  readonly path: string | null
  readonly #conf: string
  readonly #parts: CorefileSourceParts
  #stdinText: string | null = null
  /** What was warned of at the last load, so that polling does not repeat it. */
  #said: ReadonlySet<string> = new Set()

  /** @param conf the value of `-conf`: a path, `stdin`, or '' for ./Corefile */
  constructor(conf: string, parts: CorefileSourceParts) {
    this.path = conf === STDIN ? null : conf === '' ? DEFAULT_PATH : conf
    this.#conf = conf
    this.#parts = parts
  }

  /**
   * Reads and parses. Throws CorefileError for what is wrong inside the Corefile, DnsletError with
   * `E_COREFILE_READ` where it cannot be read, `E_COREFILE_EMPTY` where it has no server block: the
   * original becomes a whoami server then, which answers every cluster name with nonsense.
   */
  load(): Corefile {
    const { files = nodeFiles } = this.#parts
    const source = this.path === null ? this.#readStdin() : this.#readFile(this.path, files)
    const said = new Set<string>()
    const warn = (message: string): void => {
      if (!this.#said.has(message) && !said.has(message)) this.#parts.warn(message)
      said.add(message)
    }
    try {
      return readCorefile(source, { ...this.#parts, warn })
    } finally {
      this.#said = said
    }
  }

  #readFile(path: string, files: FileSystem): Text {
    try {
      return { file: path, text: files.read(path) }
    } catch (error) {
      throw new DnsletError('E_COREFILE_READ', this.#readError(path, error), { cause: error })
    }
  }

  /** Go's words, which tools may know, then the remedy. */
  #readError(path: string, error: unknown): string {
    const reason = reasonOf(error)
    const missing = reason.endsWith('no such file or directory')
    if (missing && this.#conf === '') {
      return 'Cannot find ./Corefile: name one with -conf <path>, or try "dnslet demo"'
    }
    const open = `open ${path}: `
    const text = `loading Caddyfile via flag: ${reason.startsWith(open) ? '' : open}${reason}`
    if (reason.endsWith('is a directory'))
      return `${text}; name the file in it, e.g. ${path}/Corefile`
    if (reason.endsWith('permission denied')) return `${text}; make it readable for ${userName()}`
    return text
  }

  #readStdin(): Text {
    // A pipe can be read once; a reload applies the same text again.
    this.#stdinText ??= readOnce(this.#parts.stdin ?? processStdin)
    return { file: STDIN, text: this.#stdinText }
  }
}

/** Parses a Corefile; throws CorefileError, or DnsletError with `E_COREFILE_EMPTY`. */
export function readCorefile(source: Text, parts: ReadingParts): Corefile {
  const { files = nodeFiles } = parts
  const blocks = parse(source, { ...parts, files, maxTokens: tokenRoom() })
  if (blocks.length > 0) return { ...source, blocks, hash: hashBlocks(blocks) }
  throw new DnsletError(
    'E_COREFILE_EMPTY',
    `Cannot serve from ${source.file}: it has no server block, such as ". { forward . 9.9.9.9 }" ` +
      'with one directive a line',
  )
}

/**
 * SHA-512, in hexadecimal, of what server blocks say: every token with its file and line. Comments and
 * white space do not count, but for the line numbers they shift (as in CoreDNS).
 */
export function hashBlocks(blocks: readonly ServerBlock[]): string {
  const content = blocks.map(({ keys, directives }) => [keys, [...directives]])
  return createHash('sha512').update(JSON.stringify(content)).digest('hex')
}

const processStdin: Stdin = {
  get isTerminal() {
    return isatty(0)
  },
  read: () => readFileSync(0, 'utf8'),
}

function readOnce(stdin: Stdin): string {
  if (!stdin.isTerminal) return stdin.read()
  throw new DnsletError(
    'E_COREFILE_READ',
    'Cannot read the Corefile from standard input: it is a terminal; pipe one in, or name a file',
  )
}

function userName(): string {
  return `user id ${process.getuid?.() ?? 'of this process'}`
}

import type { CorefileError } from '../../src/corefile/error.ts'
import type { FileSystem } from '../../src/corefile/files.ts'
import { glob } from '../../src/corefile/glob.ts'
import { parse, type ServerBlock, type Token } from '../../src/corefile/parse.ts'

/** A token in /etc/Corefile. */
export function token(text: string, line: number = 1): Token {
  return { text, file: '/etc/Corefile', line }
}

/** The argument as it is written: the simplest converter. */
export function asWritten(argument: Token): string {
  return argument.text
}

/** A file system of these files; a null text is a directory. */
export function memoryFiles(files: Readonly<Record<string, string | null>>): FileSystem {
  const paths = Object.keys(files)
  return {
    read: (path) => {
      const text = files[path]
      if (typeof text === 'string') return text
      throw new Error(text === null ? 'is a directory' : `open ${path}: no such file or directory`)
    },
    glob: (pattern) =>
      glob(pattern, {
        exists: (path) => paths.some((other) => other === path || other.startsWith(`${path}/`)),
        list: (directory) => {
          const start = directory === '/' ? '/' : `${directory}/`
          const below = paths.filter((path) => path.startsWith(start))
          return [...new Set(below.map((path) => path.slice(start.length).split('/')[0] ?? ''))]
        },
      }),
  }
}

export interface Situation {
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string | null>>
  readonly warn?: (message: string) => void
  readonly known?: readonly string[]
}

/** Directive names the tests use. */
export const known: readonly string[] = [
  'errors',
  'log',
  'cache',
  'forward',
  'bind',
  'health',
  'loop',
  'prometheus',
  'reload',
  'whoami',
]

/** Parses a text as /etc/Corefile. */
export function parseText(text: string, situation: Situation = {}): readonly ServerBlock[] {
  const { env = {}, files = {}, warn = () => {}, known: directives = known } = situation
  const options = { directives, env, files: memoryFiles(files), warn }
  return parse({ file: '/etc/Corefile', text }, options)
}

/** What a reader throws of a given code; undefined where it throws nothing or something else. */
export function messageOf(read: () => unknown): string | undefined {
  try {
    read()
  } catch (error) {
    const { name, message } = error as CorefileError
    return name === 'CorefileError' ? message : `${name}: ${message}`
  }
  return undefined
}

/** Server blocks without positions: keys, and each directive line as words with its options. */
export function outline(blocks: readonly ServerBlock[]): unknown {
  const texts = (tokens: readonly Token[]): string[] => tokens.map(({ text }) => text)
  return blocks.map(({ keys, directives }) => [
    texts(keys),
    ...[...directives.values()].flat().map(({ name, args, options }) => {
      const line = texts([name, ...args])
      return options === null
        ? line.join(' ')
        : [
            line.join(' '),
            ...options.map((option) => texts([option.name, ...option.args]).join(' ')),
          ]
    }),
  ])
}

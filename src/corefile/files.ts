import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { isNullDevice } from '../lib/file-kind.ts'
import { glob } from './glob.ts'

/** The file system as `import` sees it; tests inject one. */
export interface FileSystem {
  /** The text of a file. Throws an Error whose message is the reason alone. */
  read(path: string): string
  /** Existing paths that match an absolute path or Go glob pattern, sorted. */
  glob(pattern: string): readonly string[]
}

/** 4 MiB: a ConfigMap holds one, and a node has memory for the tokens of four. */
export const MAX_FILE_BYTES: number = 4 << 20

/** Node says `EACCES: permission denied, open '/x'`, Go `open /x: permission denied`. */
function reasonOf(error: unknown, path: string): string {
  return `open ${path}: ${String(error).replace(/^Error: [A-Z]+: ([^,]+),[^]*$/, '$1')}`
}

function read(path: string): string {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) throw new Error('is a directory')
    // A pipe or a device could block for ever or never end, but for this one, which is at its end.
    if (!stat.isFile() && !isNullDevice(stat)) throw new Error('is not a regular file')
    if (stat.size > MAX_FILE_BYTES) throw new Error(`is larger than ${MAX_FILE_BYTES} bytes`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && !('code' in error)) throw error
    throw new Error(reasonOf(error, path), { cause: error })
  }
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

/** The real file system. */
export const nodeFiles: FileSystem = {
  read,
  glob: (pattern) => glob(pattern, { list, exists }),
}

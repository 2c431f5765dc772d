import { statSync } from 'node:fs'

/** Another text for another file behind a path, or a file that was written to. Never throws. */
export function fileStamp(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch (error) {
    return String(error)
  }
}

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The path of a file that lies beside package.json: above the sources, and above the build, which has fewer folders.
 *
 * @param from the folder to look upwards from
 */
export function packageFile(name: string, from: string = import.meta.dirname): string {
  let folder = from
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === '/') throw new Error('package.json is missing above the program')
    folder = dirname(folder)
  }
  return join(folder, name)
}

import { nodeFiles } from '../../src/corefile/files.ts'
import { type Directive, parse } from '../../src/corefile/parse.ts'

/** All occurrences of the directive `name` in a block `. { <body> }`; its first line is line 2. */
export function directivesOf(name: string, body: string): readonly Directive[] {
  const [block] = parse(
    { file: 'Corefile', text: `. {\n${body}\n}\n` },
    { directives: [name], env: {}, files: nodeFiles, warn: () => {} },
  )
  return block!.directives.get(name)!
}

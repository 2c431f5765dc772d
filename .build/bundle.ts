// The build: in dist/ there are few files, each with the modules that are loaded together. For each one that it loads,
// Node.js takes a quarter of a millisecond and 5 kB: for the daemon's 330 that was a third of its start.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'rolldown'

/** c8 tells the lines of a file apart, but would take each of several in one for covered: each has one of its own then. */
const preserveModules = process.env['NODE_V8_COVERAGE'] !== undefined

const root = join(import.meta.dirname, '..')

rmSync(join(root, 'dist'), { recursive: true, force: true })
// What is imported when it is needed, with `import()`, has a file of its own, and so has what several of these share.
const { output } = await build({
  cwd: root,
  input: 'src/main.ts',
  // Node.js finds packages, and koffi its binary. What the bundler itself adds is no package of ours.
  external: /^(?!@oxc-project\/)[a-z@]/,
  platform: 'node',
  tsconfig: false,
  output: {
    dir: 'dist',
    chunkFileNames: 'parts/[name]-[hash].js',
    preserveModules,
    preserveModulesRoot: 'src',
    format: 'esm',
    comments: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
  },
})

/** V8 keeps the source of all that is loaded, in two octets for each character where one of a file needs two. */
const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
if (!preserveModules)
  for (const part of output)
    if (part.type === 'chunk')
      writeFileSync(join(root, 'dist', part.fileName), part.code.replace(/[^\0-\x7f]/g, escaped))

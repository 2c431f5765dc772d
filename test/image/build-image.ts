import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Owner } from '../helpers/processes.ts'
import { exec } from './exec.ts'

const root = join(import.meta.dirname, '../..')
const SUITE = 'bookworm'
const BASE = 'localhost/dnslet-base'
const BUILD_BASE = 'localhost/dnslet-build-base'
const IMAGE = 'localhost/dnslet'

export interface BuiltImage {
  /** The root of its file system, mounted. */
  readonly rootfs: string
  readonly bytes: number
  readonly labels: Readonly<Record<string, string>>
  readonly entrypoint: readonly string[]
  readonly env: readonly string[]
}

type Buildah = (...args: readonly string[]) => string

/**
 * Builds the Dockerfile with buildah, all of its storage in `folder`: from a Debian that debootstrap
 * fetches from where apt does, Node.js of node_modules, and this machine's npm.
 */
export function buildImage(owner: Owner, folder: string): BuiltImage {
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')]
  const buildah: Buildah = (...args) =>
    exec('buildah', [...storage, '--storage-driver', 'vfs', ...args], { minutes: 15 })
  owner.after(() => {
    buildah('umount', '--all')
    buildah('rm', '--all')
    buildah('rmi', '--all', '--force')
  })
  makeBases(buildah, folder)
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const args = { BUILD_BASE, BASE, VERSION: version }
  const named = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  const how = ['--isolation', 'chroot', '--layers=false', '--quiet', ...trusted()]
  buildah('build', ...how, ...named, '--tag', IMAGE, root)
  const container = buildah('from', IMAGE)
  const { OCIv1 } = JSON.parse(buildah('inspect', '--type', 'image', IMAGE)) as {
    OCIv1: {
      config: { Labels: Record<string, string>; Entrypoint: string[]; Env: string[] }
    }
  }
  const { Labels: labels, Entrypoint: entrypoint, Env: env } = OCIv1.config
  const sizes = JSON.parse(buildah('images', '--json', IMAGE)) as [{ size: string }]
  const bytes = megabytes(sizes[0].size)
  return { rootfs: buildah('mount', container), bytes, labels, entrypoint, env }
}

function makeBases(buildah: Buildah, folder: string): void {
  const debian = join(folder, 'debian')
  mkdirSync(debian)
  const with_ = '--include=ca-certificates,libstdc++6'
  exec('debootstrap', ['--variant=minbase', with_, SUITE, debian, aptMirror()], {
    minutes: 10,
  })
  // What Debian's own slim image leaves out.
  for (const place of ['doc', 'info', 'lintian', 'locale', 'man'].map(
    (name) => `usr/share/${name}`,
  )) {
    rmSync(join(debian, place), { recursive: true, force: true })
  }
  for (const place of ['var/cache/apt', 'var/lib/apt/lists']) {
    rmSync(join(debian, place), { recursive: true })
    mkdirSync(join(debian, place))
  }
  const container = buildah('from', 'scratch')
  buildah('copy', '--quiet', container, debian, '/')
  rmSync(debian, { recursive: true })
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  buildah('config', '--env', `PATH=${path}`, container)
  buildah('commit', '--quiet', container, BASE)
  buildah('copy', '--quiet', container, process.execPath, '/usr/local/bin/node')
  const npm = '/usr/local/lib/node_modules/npm'
  buildah('copy', '--quiet', container, join(exec('npm', ['root', '--global']), 'npm'), npm)
  const npmrc = join(folder, 'npmrc')
  writeFileSync(npmrc, caFile() === '' ? '' : `cafile=${caFile()}\n`)
  buildah('copy', '--quiet', container, npmrc, '/usr/local/etc/npmrc')
  const link = ['ln', '-s', `${npm}/bin/npm-cli.js`, '/usr/local/bin/npm']
  buildah('run', '--isolation', 'chroot', container, ...link)
  buildah('commit', '--quiet', container, BUILD_BASE)
  buildah('rm', container)
}

/** Where apt gets this suite from, in either of the formats of its sources. */
function aptMirror(): string {
  const files = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
  for (const file of files) {
    const text = readIfThere(file)
    const uri =
      /^URIs:\s*(\S+)/m.exec(text)?.[1] ??
      new RegExp(`^deb\\s+(?:\\[.*\\]\\s+)?(\\S+)\\s+${SUITE}\\s`, 'm').exec(text)?.[1]
    if (uri !== undefined) return uri
  }
  throw new Error(`Cannot make a base image: neither ${files.join(' nor ')} names a mirror`)
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** The certificates that this machine's npm trusts instead of its own, '' for none. */
function caFile(): string {
  const file = exec('npm', ['config', 'get', 'cafile'])
  return file === 'null' ? '' : file
}

/** Lends them to the build, without leaving them in an image. */
function trusted(): string[] {
  return caFile() === '' ? [] : ['--volume', `${caFile()}:${caFile()}:ro`]
}

/** buildah prints `312 MB`. */
function megabytes(text: string): number {
  const [, number = '', unit = ''] = /^([\d.]+) ([kMG]?B)$/.exec(text) ?? []
  return Number(number) * ({ B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit] ?? NaN)
}

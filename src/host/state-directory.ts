import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../lib/log.ts'

const GROUP_AND_OTHERS = 0o077
const WRITABLE_BY_OTHERS = 0o022

/** Only who made an entry may remove or rename it. */
const STICKY = 0o1000

/** Where state is kept that has to outlive the process, on the node or in an emptyDir. */
const DEFAULT_ROOT = '/run/dnslet'
/** What a dnslet keeps in its directory there. */
export const StateFile = {
  /** What operators ask. */
  Admin: 'admin.sock',
  /** What a successor asks. */
  Handover: 'handover.sock',
  KubeDnsPods: 'kube-dns-pods.json',
  LastGood: 'last-good.json',
} as const
/** There is no directory to complain about. */
const ABSENT = 'absent'

/** What a dnslet is known by to its predecessors and successors: who differs in any of it is a stranger. */
export interface Identity {
  /** As `readlink /proc/self/ns/net` has it. */
  readonly networkNamespace: string
  readonly options: readonly (string | number | boolean | readonly string[])[]
}

type Environment = Readonly<Record<string, string | undefined>>

export interface StateOptions {
  readonly env: Environment
  readonly identity: Identity
  /** Whether operators count on it: on a node whose network is changed, and in a pod. */
  readonly needed: boolean
  readonly log: Log
}

/** The directory under which every dnslet of this environment has its own; '' where there is to be none. */
export function stateRoot(env: Environment): string {
  return env['DNSLET_STATE_DIR'] ?? DEFAULT_ROOT
}

/**
 * The directory for state that outlives the process, and for the socket of the hand-over: one of this
 * identity's own in DNSLET_STATE_DIR, by default /run/dnslet. Null where there is none and this user
 * cannot make one, where it is not safe (either is logged), or where the variable is set to nothing.
 */
export function openStateDirectory({ env, identity, needed, log }: StateOptions): string | null {
  const root = stateRoot(env)
  const uid = process.geteuid?.()
  if (root === '' || uid === undefined) return null
  const place = safePlace(root, uid)
  if (place.problem === null) {
    if (needed && isOfContainer(root, env)) log.warning(`State is kept in ${root} ${lostWithIt}`)
    const own = join(place.directory, digestOf(identity))
    const problem = checkStateDirectory(own, uid)
    if (problem === null) return own
    log.warning(problem === ABSENT ? `Cannot keep state in ${own}: ${unmade}; ${without}` : problem)
  } else if (place.problem !== ABSENT) log.warning(place.problem)
  else if (env['DNSLET_STATE_DIR'] !== undefined || needed) {
    log.warning(
      `Cannot keep state in ${root}: it does not exist and cannot be made; ${without}. ${mountIt}`,
    )
  }
  return null
}

const unmade = 'it cannot be made (see whether its volume is read-only or full)'
const without = 'no hand-over on updates, and no last good Corefile after a restart'
const mountIt = 'Mount the hostPath /run/dnslet (DirectoryOrCreate) of the node there'
const lostWithIt = `of the container, which goes with it: ${without}. ${mountIt}`

/** In a pod, a directory on the container's own file system: no volume is mounted there. */
function isOfContainer(directory: string, env: Environment): boolean {
  if (env['KUBERNETES_SERVICE_HOST'] === undefined) return false
  try {
    return !isMounted(directory, readFileSync('/proc/self/mountinfo', 'utf8'))
  } catch {
    return false
  }
}

/**
 * Whether a directory is on another mount than the root's. Not told by their devices: the root and a
 * volume may be directories of the same file system.
 *
 * @param mounts the text of /proc/self/mountinfo: the mount point is the fifth field of a line
 */
export function isMounted(directory: string, mounts: string): boolean {
  return mounts.split('\n').some((line) => {
    const point = line.split(' ')[4]?.replace(/\\040/g, ' ') ?? '/'
    return point !== '/' && (directory === point || directory.startsWith(`${point}/`))
  })
}

/**
 * `root` itself where it is safe. Where it is everybody's, as /tmp is, and as kubelet makes an emptyDir
 * for pods that are not root: a directory in it that is this user's alone.
 */
function safePlace(root: string, uid: number): { directory: string; problem: string | null } {
  const problem = checkStateDirectory(root, uid)
  if (problem === null || problem === ABSENT || !isEverybodys(root, uid)) {
    return { directory: root, problem }
  }
  const own = join(root, String(uid))
  const ownProblem = checkStateDirectory(own, uid)
  return { directory: own, problem: ownProblem === ABSENT ? problem : ownProblem }
}

function isEverybodys(directory: string, uid: number): boolean {
  const status = lstatSync(directory)
  const owned = status.uid === 0 || status.uid === uid
  return status.isDirectory() && owned && (status.mode & STICKY) !== 0
}

function digestOf({ networkNamespace, options }: Identity): string {
  const text = JSON.stringify([networkNamespace, ...options])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/**
 * Whether the state directory may hold what gives everything away: null where it may,
 * 'absent' where it does not exist and cannot be made, or else what is wrong with it and what to do.
 * One that is missing is made, for this user alone. An empty one that others can only look into
 * becomes so: the kubelet makes directories of a hostPath with mode 755.
 *
 * @param uid this process's effective user
 */
export function checkStateDirectory(directory: string, uid: number): string | null {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') return ABSENT
  }
  const status = lstatSync(directory)
  const refused = (reason: string): string =>
    `Cannot keep state in ${directory}: ${reason}; dnslet goes on without hand-over and last good Corefile`
  if (status.isSymbolicLink()) return refused('it is a symbolic link: name the directory itself')
  if (!status.isDirectory()) return refused('it is no directory: remove it')
  if (status.uid !== uid) {
    return refused(`it belongs to user ${status.uid}, this is user ${uid}: "chown" it or remove it`)
  }
  if ((status.mode & GROUP_AND_OTHERS) !== 0 && !tighten(directory, status.mode)) {
    const mode = (status.mode & 0o7777).toString(8)
    return refused(`others may use it (mode ${mode}): "chmod 700 ${directory}"`)
  }
  return null
}

function tighten(directory: string, mode: number): boolean {
  try {
    if ((mode & WRITABLE_BY_OTHERS) !== 0 || readdirSync(directory).length > 0) return false
    chmodSync(directory, 0o700)
    return true
  } catch {
    // A read-only volume.
    return false
  }
}

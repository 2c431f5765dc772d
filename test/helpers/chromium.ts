import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

import { findTool } from './debian.ts'
import type { Owner } from './processes.ts'

/** How a page is looked at. Default: 1280 × 800, light, with JavaScript, on a screen. */
interface View {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  readonly javascript?: boolean
  readonly print?: boolean
}

interface Page {
  /**
   * URLs of everything it asked for beside itself: not those that its policy forbade, which are complaints, and
   * neither `data:` nor `blob:`, which are no requests.
   */
  readonly requests: readonly string[]
  /** Errors and warnings of its console: exceptions, a policy that was broken, what was not found. */
  readonly complaints: readonly string[]
  /** The value of an expression in the page, which may be a promise. Needs no JavaScript of the page's own. */
  evaluate<Value>(expression: string): Promise<Value>
  /** By how many CSS pixels it can be scrolled sideways. */
  overflow(): Promise<number>
  /** Writes a PNG of the whole page. */
  screenshot(file: string): Promise<void>
  close(): Promise<void>
}

export interface Chromium {
  /** Opens a page and waits until it is loaded. */
  open(url: string, view?: View): Promise<Page>
}

type Fields = Readonly<Record<string, unknown>>

/** What arrives over the pipe: an answer, or an event of a session. */
interface Message {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly params?: Fields
  readonly result?: Fields
  readonly error?: { readonly message: string }
}

/** No profile of somebody's, no request of the browser's own, no name that is looked up. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--hide-scrollbars',
  '--log-level=3',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  '--remote-debugging-pipe',
]
const CALL_MS = 20_000
const GRACE_MS = 3_000

/**
 * Starts Debian's Chromium without a window, driven over a pipe by the DevTools protocol; it ends
 * with its owner, which is a test that asks for all pages: an `after` inside of `before` comes at once.
 * `requireTools('chromium')` says whether it is there.
 */
export async function startChromium(owner: Owner): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), 'dnslet-chromium-'))
  const program = findTool('chromium') ?? 'chromium'
  const child = spawn(program, [...ARGUMENTS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  })
  // It also ends when the pipe does: it never outlives this process.
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const pipe = new Pipe(child.stdio[3] as Duplex, child.stdio[4] as Duplex)
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4096)))
  child.once('error', (error) => pipe.end(error.message))
  child.once('close', () => pipe.end(`Chromium has ended: ${errors}`))
  owner.after(async () => {
    // It says farewell to its own children, which write into the profile; then nobody does.
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    pipe.call('Browser.close', {}).catch(() => {})
    await gone
    clearTimeout(timer)
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  })
  await pipe.call('Browser.getVersion', {})
  return { open: (url, view = {}) => openPage(pipe, url, view) }
}

/** Messages of the DevTools protocol: JSON, each ended by a NUL. */
class Pipe {
  readonly #out: Duplex
  readonly #calls = new Map<number, (message: Message) => void>()
  readonly #sessions = new Map<string, (method: string, params: Fields) => void>()
  #last = 0
  #unread = ''
  #ended: string | null = null

  constructor(out: Duplex, input: Duplex) {
    this.#out = out
    out.on('error', () => {})
    input.setEncoding('utf8')
    input.on('data', (text: string) => this.#read(text))
  }

  call(method: string, params: Fields, sessionId?: string): Promise<Fields> {
    if (this.#ended !== null) return Promise.reject(new Error(this.#ended))
    const id = ++this.#last
    const { promise, resolve, reject } = Promise.withResolvers<Fields>()
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), CALL_MS)
    this.#calls.set(id, ({ result = {}, error }) => {
      clearTimeout(timer)
      if (error === undefined) resolve(result)
      else reject(new Error(`${method}: ${error.message}`))
    })
    this.#out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return promise
  }

  listen(session: string, told: (method: string, params: Fields) => void): void {
    this.#sessions.set(session, told)
  }

  end(why: string): void {
    this.#ended ??= why
    for (const answer of this.#calls.values()) answer({ error: { message: why } })
    this.#calls.clear()
  }

  #read(text: string): void {
    const messages = (this.#unread + text).split('\0')
    this.#unread = messages.pop() ?? ''
    for (const json of messages) this.#take(JSON.parse(json) as Message)
  }

  #take(message: Message): void {
    const { id, method, sessionId, params = {} } = message
    if (id !== undefined) {
      this.#calls.get(id)?.(message)
      this.#calls.delete(id)
    } else if (method !== undefined && sessionId !== undefined) {
      this.#sessions.get(sessionId)?.(method, params)
    }
  }
}

async function openPage(pipe: Pipe, url: string, view: View): Promise<Page> {
  const { targetId } = await pipe.call('Target.createTarget', { url: 'about:blank' })
  const attached = await pipe.call('Target.attachToTarget', { targetId, flatten: true })
  const session = attached['sessionId'] as string
  const call = (method: string, params: Fields = {}): Promise<Fields> =>
    pipe.call(method, params, session)
  const requests: string[] = []
  const asked = new Map<unknown, string>()
  const complaints: string[] = []
  const { promise: loaded, resolve: load } = Promise.withResolvers<void>()
  pipe.listen(session, (method, params) => {
    if (method === 'Page.loadEventFired') load()
    const request = requestOf(method, params, url)
    if (request !== null) {
      asked.set(params['requestId'], request)
      requests.push(request)
    }
    const forbidden = forbiddenOf(method, params, asked)
    if (forbidden !== null) requests.splice(requests.indexOf(forbidden), 1)
    const complaint = complaintOf(method, params)
    if (complaint !== null) complaints.push(complaint)
  })
  for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await call(`${domain}.enable`)
  await look(call, view)
  const { errorText = '' } = await call('Page.navigate', { url })
  if (errorText !== '') throw new Error(`Cannot open ${url}: ${JSON.stringify(errorText)}`)
  await loaded
  return {
    requests,
    complaints,
    evaluate: async <Value>(expression: string) =>
      valueOf(await call('Runtime.evaluate', { expression, ...byValue })) as Value,
    overflow: async () =>
      Number(valueOf(await call('Runtime.evaluate', { expression: OVERFLOW, ...byValue }))),
    async screenshot(file: string) {
      const { cssContentSize } = await call('Page.getLayoutMetrics')
      const clip = { ...(cssContentSize as Fields), scale: 1 }
      const { data } = await call('Page.captureScreenshot', { captureBeyondViewport: true, clip })
      writeFileSync(file, Buffer.from(String(data), 'base64'))
    },
    close: async () => void (await pipe.call('Target.closeTarget', { targetId })),
  }
}

const byValue = { returnByValue: true, awaitPromise: true }
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

async function look(
  call: (method: string, params: Fields) => Promise<Fields>,
  { width = 1280, height = 800, dark = false, javascript = true, print = false }: View,
): Promise<void> {
  const size = { width, height, deviceScaleFactor: 1, mobile: width < 600 }
  await call('Emulation.setDeviceMetricsOverride', size)
  await call('Emulation.setEmulatedMedia', {
    media: print ? 'print' : 'screen',
    features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
  })
  await call('Emulation.setScriptExecutionDisabled', { value: !javascript })
}

function requestOf(method: string, params: Fields, page: string): string | null {
  if (method !== 'Network.requestWillBeSent') return null
  const { url } = params['request'] as { url: string }
  return url === page || /^(?:data|blob):/.test(url) ? null : url
}

/** The URL of a request that was not sent after all, since the page's policy forbids it. */
function forbiddenOf(
  method: string,
  params: Fields,
  asked: ReadonlyMap<unknown, string>,
): string | null {
  if (method !== 'Network.loadingFailed' || params['blockedReason'] !== 'csp') return null
  return asked.get(params['requestId']) ?? null
}

function complaintOf(method: string, params: Fields): string | null {
  if (method === 'Runtime.exceptionThrown') {
    const { text, exception } = params['exceptionDetails'] as Fields
    return String((exception as Fields | undefined)?.['description'] ?? text)
  }
  if (method === 'Runtime.consoleAPICalled') {
    const isBad = ['error', 'warning', 'assert'].includes(String(params['type']))
    return isBad ? JSON.stringify(params['args']) : null
  }
  if (method !== 'Log.entryAdded') return null
  const { level, text } = params['entry'] as Fields
  return level === 'error' || level === 'warning' ? String(text) : null
}

function valueOf({ result, exceptionDetails }: Fields): unknown {
  if (exceptionDetails !== undefined) {
    const { text, exception } = exceptionDetails as Fields
    throw new Error(String((exception as Fields | undefined)?.['description'] ?? text))
  }
  return (result as Fields)['value']
}

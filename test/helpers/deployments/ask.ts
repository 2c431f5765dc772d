import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { parse } from 'yaml'

import { type Deployment, localIps } from './deployment.ts'
import type { Started } from './start.ts'

/** What a deployment says: to questions by their lines, and to GETs by their URLs. */
export interface Said {
  readonly answers: Readonly<Record<string, string>>
  /** The status of each: the expected one, or the last in five seconds. */
  readonly pages: Readonly<Record<string, string>>
}

interface Message {
  readonly message: {
    readonly response_address: string
    readonly response_port: number
    readonly response_message_data: {
      readonly status: string
      readonly QUESTION_SECTION: readonly string[]
      readonly ANSWER_SECTION?: readonly string[]
      readonly ADDITIONAL_SECTION?: readonly string[]
      readonly OPT_PSEUDOSECTION?: { readonly EDNS: { readonly NSID?: string | null } }
    }
  }
}

const run = promisify(execFile)

const DIG = 'dig +yaml +nocookie +nsid +tries=2 +time=3 -p'

/** Tries until the status is the wanted one, as kubelet does, but faster. */
const GET = `get() {
  for _ in {1..50}; do
    if { exec 3<>"/dev/tcp/$2/$3"; } 2>/dev/null; then
      printf 'GET %s HTTP/1.1\\r\\nHost: node\\r\\nConnection: close\\r\\n\\r\\n' "$4" >&3
      read -r _ status _ <&3
      exec 3>&-
      [ "$status" = "$5" ] && break
    fi
    sleep 0.1
  done
  echo "$1 $status"
}`

/**
 * Asks all that a deployment has to answer from where its clients and kubelet ask: a node's own
 * processes, or for a pod from outside.
 */
export async function ask(deployment: Deployment, { process, address }: Started): Promise<Said> {
  const places = deployment.metrics.map((place) => `http://${place}/`)
  const gets = [...deployment.probes, ...places].map((url) => {
    const { hostname, port, pathname } = new URL(url)
    const host = hostname === 'pod' ? address : hostname.replace(/^\[|\]$/g, '')
    return `get '${url}' ${host} ${port} ${pathname} ${pathname === '/' ? 404 : 200}`
  })
  const first = deployment.network === 'pod' ? 'pod' : (localIps(deployment)[0] ?? 'pod')
  const questions = Object.keys(deployment.answers).map((line) => {
    const [, name = '', type = '', at = first, port = '53'] =
      /^(\S+) (\S+)(?: @(\S+))?(?: port (\d+))?$/.exec(line) ?? []
    const server = at === 'pod' ? address : at
    return {
      line,
      port,
      words: `${name} ${type} @${server}`,
      key: `${server} ${port} ${name}. IN ${type}`,
    }
  })
  // All questions of a dig go to one port.
  const digs = [...Map.groupBy(questions, ({ port }) => port)].map(([port, some]) =>
    [DIG, port, ...some.map(({ words }) => words)].join(' '),
  )
  const script = [GET, ...gets, 'echo', ...digs, 'true'].join('\n')
  const inside = deployment.network === 'pod' ? [] : ['nsenter', '-t', `${process.pid}`, '-n']
  const { stdout } = await run('env', [...inside, 'bash', '-c', script])
  const end = stdout.indexOf('\n\n')
  const pages = stdout.slice(0, end)
  const messages = stdout.slice(end)
  const replies = new Map(
    (parse(messages) as Message[] | null)
      ?.filter(({ message }) => message.response_message_data !== undefined)
      .map(read),
  )
  return {
    answers: Object.fromEntries(
      questions.map(({ line, key }) => [line, replies.get(key) ?? 'no answer']),
    ),
    pages: Object.fromEntries(
      pages.split('\n').map((line) => [line.split(' ')[0]!, line.replace(/^\S+ /, '').trim()]),
    ),
  }
}

/**
 * Who was asked what, and the reply as the corpus writes it: the rcode; NODATA; the data of the answer's
 * records of this type; or, of a reply whose addresses are all in the additional section, these in brackets.
 */
function read({ message }: Message): [key: string, reply: string] {
  const data = message.response_message_data
  const question = data.QUESTION_SECTION[0]!
  const type = question.split(' ')[2]!
  const of = (records: readonly string[] = []): string =>
    records
      .map((record) => record.split(' '))
      .filter((words) => words[3] === type)
      .map((words) => words.slice(4).join(' ').replaceAll('"', '').replace(/\.$/, ''))
      .join(', ')
  const beside = of(data.ADDITIONAL_SECTION)
  const said = of(data.ANSWER_SECTION) || (beside === '' ? 'NODATA' : `(${beside})`)
  const nsid = /\("(.*)"\)/.exec(data.OPT_PSEUDOSECTION?.EDNS.NSID ?? '')?.[1]
  const reply = data.status === 'NOERROR' ? said : data.status
  return [
    `${message.response_address} ${message.response_port} ${question}`,
    nsid === undefined ? reply : `${reply} by ${nsid}`,
  ]
}

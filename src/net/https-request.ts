import { MAX_QUERY } from './tcp-limits.ts'

/** Where queries are asked: RFC 8484 leaves the path open, CoreDNS has this one. */
const PATH = '/dns-query'
export const DNS_MESSAGE = 'application/dns-message'
/** Characters of the longest query in base64url, without padding. */
const LONGEST: number = Math.ceil((MAX_QUERY * 8) / 6)

/** What a request asks for, as far as its head says: a body to wait for, a query, or the status of a refusal. */
export type Asked = 'body' | Buffer | number

/**
 * Reads the head of a DNS over HTTPS request (RFC 8484 §4.1). A number is the status of the refusal:
 * 400 no query in it, 404 another path, 405 another method, 413 and 414 too long, 415 another type.
 */
export function readHead(
  method: string,
  url: string,
  contentType: string | undefined,
  contentLength: string | undefined,
): Asked {
  const [path, search] = splitOnce(url, '?')
  if (path !== PATH) return 404
  if (method === 'GET') return readParameter(search)
  if (method !== 'POST') return 405
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type !== DNS_MESSAGE) return 415
  return Number(contentLength ?? 0) > MAX_QUERY ? 413 : 'body'
}

/** The query in the parameter `dns`, base64url without padding, which has to be there once. */
function readParameter(search: string): Buffer | number {
  const values = new URLSearchParams(search).getAll('dns')
  const [value = ''] = values
  if (values.length !== 1) return 400
  if (value.length > LONGEST) return 414
  return /^[\w-]+$/.test(value) ? Buffer.from(value, 'base64url') : 400
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Whether a message can be a query at all: what cannot is answered by nobody (RFC 1035 §4.1.1, QR). */
export function isQuery(message: Buffer): boolean {
  return message.length >= 12 && (message[2]! & 0x80) === 0
}

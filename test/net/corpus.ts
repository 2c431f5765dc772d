import { readdirSync, readFileSync } from 'node:fs'

import { Rcode } from '../../src/wire/codes.ts'

const directory = new URL('../corpus/', import.meta.url)

/** A hostile packet and what the rules for queries say of it. */
export interface Packet {
  readonly file: string
  /** The rcode in its reply's header; −1 where it gets no reply. */
  readonly rcode: number
  readonly octets: Buffer
}

/** Every packet of the corpus, queries and replies. */
export const packets: readonly Packet[] = readdirSync(directory)
  .filter((file) => file.endsWith('.hex'))
  .map((file) => {
    const text = readFileSync(new URL(file, directory), 'utf8')
    const octets = Buffer.from(text.replace(/^#.*\n/, '').replaceAll(/\s/g, ''), 'hex')
    return { file, octets, rcode: expected(file, /^# (\w+):/.exec(text)?.[1] ?? '') }
  })

function expected(file: string, status: string): number {
  // A reply is never answered. NOTIFY is well formed, but nothing here can be notified.
  if (file.startsWith('reply-') || status === 'Ignore') return -1
  if (file === 'query-notify.hex') return Rcode.NotImp
  return Rcode[status === 'Ok' ? 'NoError' : (status as 'FormErr' | 'NotImp' | 'ServFail')]
}

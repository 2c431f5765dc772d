import { lookup } from 'node:dns'
import { Type } from '../../wire/codes.ts'
import { type Client, type Done, found, type Manner, noName, type Outcome } from '../client.ts'

/** The C library of this machine itself, nsswitch.conf, /etc/hosts and caching daemons included. */
export const system: Manner = {
  name: 'system',
  describe: "getaddrinfo itself: this machine's C library, with the servers of resolv.conf alone",
  descriptors: 1,
  create: ({ types }) => {
    const [first = Type.A, second] = types
    return new SystemClient(second !== undefined ? 0 : first === Type.AAAA ? 6 : 4)
  },
}

const again: Outcome = { error: 'again', answer: null }

class SystemClient implements Client {
  readonly #family: number
  #closed = false

  constructor(family: number) {
    this.#family = family
  }

  lookUp(host: string, done: Done): void {
    lookup(host, { all: true, family: this.#family }, (error) => {
      if (!this.#closed) done(error === null ? found : outcomeOf(error))
    })
  }

  /** Threads that ask cannot be called back: they end by themselves. */
  close(): void {
    this.#closed = true
  }
}

/** Node says ENOTFOUND for a name that does not exist and for one without addresses. */
function outcomeOf({ code = '' }: NodeJS.ErrnoException): Outcome {
  if (code === 'ENOTFOUND' || code === 'ENODATA') return noName
  if (code === 'EAI_AGAIN') return again
  return { error: 'network', answer: null }
}

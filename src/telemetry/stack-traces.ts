/** Servers whose panics are logged with their stack, and how many configurations want that. */
const traced = new Map<string, number>()

/** Adds stacks to the panic logs of a server (`errors { stacktrace }`); the result ends that. */
export function traceStacks(server: string): () => void {
  traced.set(server, (traced.get(server) ?? 0) + 1)
  return () => {
    const wanted = (traced.get(server) ?? 0) - 1
    if (wanted > 0) traced.set(server, wanted)
    else traced.delete(server)
  }
}

export function areStacksTraced(server: string): boolean {
  return traced.has(server)
}

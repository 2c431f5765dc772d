import { networkInterfaces } from 'node:os'

/** What os.networkInterfaces() returns. */
export type Interfaces = ReturnType<typeof networkInterfaces>

/**
 * This machine's interfaces with their addresses. Null where the kernel does not list them: it is asked over a socket,
 * and where there is no descriptor for that Node throws, in whatever was going on.
 */
export function listInterfaces(list: () => Interfaces = networkInterfaces): Interfaces | null {
  try {
    return list()
  } catch {
    return null
  }
}

/** `127.0.0.1:53`, `[::1]:53`, `:53`. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

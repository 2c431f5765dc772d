const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
])

function escapeControl(c: string): string {
  const code = c.charCodeAt(0).toString(16)
  return c < '\x80' ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`
}

/** A text in double quotes as Go's `%q` prints it, for error messages that are CoreDNS's. */
export function quote(text: string): string {
  return `"${text.replace(/["\\\p{Cc}]/gu, (c) => ESCAPES.get(c) ?? escapeControl(c))}"`
}

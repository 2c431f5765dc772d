const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** A text in double quotes as Go's `%q` prints it, for error messages that are CoreDNS's. */
export function quote(text: string): string {
  const body = text.replace(/["\\\p{Cc}]/gu, (c) => {
    return ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return `"${body}"`
}

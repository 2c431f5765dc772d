const HTML: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
}
const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
}

function unicodeEscape(char: string): string {
  return `\\u${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
}

/** Go's escapers by the names that templates call them. */
export const escapers: readonly (readonly [name: string, escape: (text: string) => string])[] = [
  ['html', (text) => text.replace(/["'&<>\0]/g, (c) => HTML[c]!)],
  [
    'js',
    (text) =>
      text.replace(/[\\'"<>&=]|[^\P{C}]|[\p{Zl}\p{Zp}]/gu, (c) => JS[c] ?? unicodeEscape(c)),
  ],
  [
    'urlquery',
    (text) =>
      Array.from(Buffer.from(text), (octet) => {
        const c = String.fromCharCode(octet)
        if (/[\w.~-]/.test(c)) return c
        return c === ' ' ? '+' : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
      }).join(''),
  ],
]

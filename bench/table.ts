/** Aligns rows of cells: the first column to the left, all others to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row.at(column) ?? '').length)),
  )
  const rule = widths.map((width) => '-'.repeat(width))
  return [header, rule, ...rows].map((row) => formatRow(row, widths)).join('\n')
}

function formatRow(cells: readonly string[], widths: readonly number[]): string {
  return widths
    .map((width, column) => {
      const cell = cells.at(column) ?? ''
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    .join('  ')
    .trimEnd()
}

/** Columns under their heads, the first `texts` of them to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const widths = head.map((name, i) =>
    Math.max(...[name, ...rows.map(row => row[i]!)].map(cell => cell.length)),
  )
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i < texts ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   ')
  return [line(head), line(widths.map(width => '─'.repeat(width))), ...rows.map(line)]
    .map(text => `  ${text}`.trimEnd())
    .join('\n')
}

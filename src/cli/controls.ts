/**
 * Text as a terminal may get it: characters that it would take as a command (C0 but tab and newline, DEL, C1) are shown
 * instead. JSON stays the JSON that it is, for they can only stand in its strings.
 */
export const escapeControls = (content: string): string =>
  content.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
    /[\0-\x08\x0b-\x1f\x7f-\x9f]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/**
 * Text that is safe for a terminal: control characters (C0 except tab and newline, DEL, C1) are escaped. JSON keeps its
 * meaning, since it can have them in strings only.
 */
export const escapeControls = (content: string): string =>
  content.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
    /[\0-\x08\x0b-\x1f\x7f-\x9f]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/**
 * The mark of bytes that are not plainly a value: three bytes that no UTF-8 text begins with, then a letter for the
 * kind.
 */
const MARK = [0xfe, 0x72, 0x78] as const

/** The kind of a marked value: encrypted, or versioned. */
export type MarkKind = 'e' | 'v'

/** The length of a mark. */
export const MARK_BYTES = 4

/** The mark of a kind. */
export const markOf = (kind: MarkKind): Buffer => Buffer.from([...MARK, kind.charCodeAt(0)])

/** Whether bytes begin with the mark of a kind. */
export const isMarked = (bytes: Uint8Array, kind: MarkKind): boolean =>
  bytes[0] === MARK[0] && bytes[1] === MARK[1] && bytes[2] === MARK[2] && bytes[3] === kind.charCodeAt(0)

import { KVError } from '../../../base/errors.ts'
import { REPLY_BODY } from './replies.ts'

/** Who may do what with a node: one entry of an access control list. */
export interface AclEntry {
  readonly scheme: string
  readonly id: string
  /** The sum of {@link PERMISSIONS}. */
  readonly perms: number
}

/** The letters of ZooKeeper's own command line, in its order. */
const PERMISSIONS = { c: 4, d: 8, r: 1, w: 2, a: 16 } as const

/** What the id of each scheme looks like. */
const IDS: Readonly<Record<string, RegExp>> = {
  world: /^anyone$/,
  auth: /^$/,
  digest: /^[^:]+:[\w+/]{27}=$/,
  ip: /^[\da-fA-F.:]+(?:\/\d+)?$/,
  x509: /./s,
  sasl: /./s,
}

const FORM =
  "'world:anyone:r', 'auth::cdrwa', 'sasl:USER:cdrwa', 'x509:CN=NAME:cdrwa', 'ip:10.0.0.0/8:r' or 'digest:USER:HASH:cdrwa'"

function parseEntry(text: unknown): AclEntry {
  const [, scheme = '', id = '', letters = ''] =
    (typeof text === 'string' && /^(\w+):(.*):([cdrwa]+)$/s.exec(text)) || []
  if (IDS[scheme]?.test(id) !== true || new Set(letters).size < letters.length) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `acl: ${JSON.stringify(text)} is no entry of a list; expected ${FORM}`,
    )
  }
  const perms = [...letters].reduce((sum, letter) => sum + PERMISSIONS[letter as keyof typeof PERMISSIONS], 0)
  return { scheme, id, perms }
}

/** Reads a list in the notation of ZooKeeper's command line, `scheme:id:permissions`; throws `INVALID_ARGUMENT`. */
export function parseAcl(entries: readonly string[]): AclEntry[] {
  if (entries.length === 0) throw new KVError('INVALID_ARGUMENT', `acl: it needs one entry at least: ${FORM}`)
  return entries.map(parseEntry)
}

/** Splits a list with commas between the entries, which names in certificates have, too. */
export const splitAcl = (text: string): string[] => text.split(/,(?=(?:world|auth|digest|ip|x509|sasl):)/)

/** The entries of a list in the notation of ZooKeeper's command line, in an order of their own. */
export const showAcl = (entries: readonly AclEntry[]): string[] =>
  entries
    .map(({ scheme, id, perms }) => {
      const letters = Object.entries(PERMISSIONS).flatMap(([letter, bit]) => (perms & bit ? [letter] : []))
      return `${scheme}:${id}:${letters.join('')}`
    })
    .sort()

/** The list in an answer to `getACL`. */
export function readAcl(reply: Buffer): AclEntry[] {
  let at = REPLY_BODY
  const int = (): number => {
    at += 4
    return reply.readInt32BE(at - 4)
  }
  const string = (): string => {
    const from = at + 4
    at = from + int()
    return reply.toString('utf8', from, at)
  }
  return Array.from({ length: Math.max(int(), 0) }, () => {
    const perms = int()
    return { scheme: string(), id: string(), perms }
  })
}

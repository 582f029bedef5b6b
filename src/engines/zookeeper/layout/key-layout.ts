import { KVError } from '../../../base/errors.ts'
import { isNodeKey, namesOf, ROOT } from '../../../contract/nodes.ts'
import { keyOfName, nameOf } from './names.ts'

/** Characters that ZooKeeper allows in a path. */
const ALLOWED = /^[ -~\u00a0-\ud7ff\uf900-\uffef]+$/

/** Throws `INVALID_ARGUMENT` unless `root` is a valid path, such as `/apps/demo` or `/`. */
export function checkRoot(root: unknown): asserts root is string {
  const refuse = (problem: string) =>
    new KVError(
      'INVALID_ARGUMENT',
      `root: ${typeof root === 'string' ? JSON.stringify(root) : String(root)} ${problem}`,
    )
  if (typeof root !== 'string')
    throw refuse("is not the path of the node below which the keys are, such as '/apps/demo'")
  if (!root.startsWith('/')) throw refuse("must begin with '/'")
  if (root === '/') return
  if (!ALLOWED.test(root)) throw refuse('has a character that ZooKeeper does not allow')
  const names = root.slice(1).split('/')
  if (names.includes('')) throw refuse("must not end with '/' or have '//'")
  if (names.includes('.') || names.includes('..')) throw refuse("must not have '.' or '..' as a name")
  if (names[0] === 'zookeeper') throw refuse("is ZooKeeper's own: '/zookeeper' is reserved")
}

/** FNV-1a, 32 bits, over the UTF-16 units of a key. It must never change, because it decides where keys are. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  // The low bits alone spread keys badly that differ only in the last character.
  return (hash ^ (hash >>> 15)) >>> 0
}

/** The most hash buckets. */
export const MAX_BUCKETS = 4096

const BUCKET_DIGITS = 3

const bucketName = (bucket: number): string => bucket.toString(16).padStart(BUCKET_DIGITS, '0')

/**
 * Maps the keys of a store to paths; no other code does. Keys are children of the root, or of hash buckets below it:
 * nodes `000`, `001`, …; the hash of a key decides in which.
 */
export class KeyLayout {
  readonly root: string
  /** The number of hash buckets; 0 without. */
  readonly buckets: number
  /** The parents of the keys. */
  readonly parents: readonly string[]
  /**
   * The node of the first bucket, which exists if keys are in buckets, however many; without buckets it is that of a
   * key.
   */
  readonly firstBucket: string
  readonly #prefix: string
  /** The bytes of a path without its name. */
  readonly prefixBytes: number

  constructor(root: string, buckets: number) {
    this.root = root
    this.buckets = buckets
    this.#prefix = root === '/' ? '/' : `${root}/`
    this.parents =
      buckets === 0 ? [root] : Array.from({ length: buckets }, (_, i) => this.#prefix + bucketName(i))
    this.firstBucket = this.#prefix + bucketName(0)
    this.prefixBytes = Buffer.byteLength(this.#prefix) + (buckets === 0 ? 0 : BUCKET_DIGITS + 1)
  }

  /** The path of a key, or of a node beside the keys. */
  pathOf(key: string): string {
    if (key === ROOT) return this.root
    if (isNodeKey(key)) return this.pathOfForeign(`%${namesOf(key).map(nameOf).join('/')}`)
    if (this.buckets === 0) return this.#prefix + nameOf(key)
    return `${this.parents[this.#bucketOf(key)]}/${nameOf(key)}`
  }

  /** The path of a node that is not a key's; `name` has a `%` that is not an escape. */
  pathOfForeign(name: string): string {
    return this.#prefix + name
  }

  /** The key of a path; `undefined` if it is not the path of a key. */
  keyOf(path: string): string | undefined {
    if (!path.startsWith(this.#prefix)) return undefined
    if (this.buckets === 0) {
      const name = path.slice(this.#prefix.length)
      return name === '' || name.includes('/') ? undefined : keyOfName(name)
    }
    const key = keyOfName(path.slice(path.lastIndexOf('/') + 1))
    return key !== undefined && this.pathOf(key) === path ? key : undefined
  }

  /** The key of a child of one of `parents`; `undefined` if it is not a key's node. */
  keyIn(parent: number, name: string): string | undefined {
    const key = keyOfName(name)
    return this.buckets === 0 || key === undefined || this.#bucketOf(key) === parent ? key : undefined
  }

  #bucketOf(key: string): number {
    return hashOf(key) % this.buckets
  }
}

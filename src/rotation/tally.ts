import type { KVError, KVErrorCode } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Engine } from '../contract/engine.ts'
import type { Access } from '../store/access.ts'

/** What a rotation works with. */
export interface Room<V> {
  readonly access: Access<V>
  readonly engine: Engine
  readonly timing: Timing
  /** How long an operation may take, in milliseconds. */
  readonly timeout: number
}

/** Somebody else was faster, or may have been: the next look tells. */
const OVERTAKEN: ReadonlySet<KVErrorCode> = new Set(['VERSION_CONFLICT', 'INDETERMINATE'])

/** What is the matter with this value alone. */
const OWN: ReadonlySet<KVErrorCode> = new Set(['CODEC', 'VALUE_TOO_LARGE', 'INVALID_ARGUMENT'])

/** What one look at everything came to. */
export class Tally {
  seen = 0
  rotated = 0
  overtaken = 0
  failed = 0
  /** The first that failed. */
  failure: KVError | undefined
  /** The key that was looked at last. */
  key: string | undefined

  get foundNone(): boolean {
    return this.rotated === 0 && this.overtaken === 0 && this.failed === 0
  }

  /** Counts what became of something old; gives an error that is none of its own. */
  count(error: KVError | undefined): KVError | undefined {
    if (error === undefined) this.rotated++
    else if (OVERTAKEN.has(error.code)) this.overtaken++
    else if (OWN.has(error.code)) {
      this.failed++
      this.failure ??= error
    } else return error
    return undefined
  }
}

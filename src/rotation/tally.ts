import type { KVError, KVErrorCode } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Engine } from '../contract/engine.ts'
import type { Access } from '../store/access.ts'

/** What a rotation needs. */
export interface RotationContext<V> {
  readonly access: Access<V>
  readonly engine: Engine
  readonly timing: Timing
  /** The timeout of an operation, in milliseconds. */
  readonly timeout: number
}

/** Somebody else was, or may have been, faster: the next pass will show. */
const OVERTAKEN: ReadonlySet<KVErrorCode> = new Set(['VERSION_CONFLICT', 'INDETERMINATE'])

/** Errors that concern this value only. */
const OWN: ReadonlySet<KVErrorCode> = new Set(['CODEC', 'VALUE_TOO_LARGE', 'INVALID_ARGUMENT'])

/** The result of one pass. */
export class Tally {
  seen = 0
  rotated = 0
  overtaken = 0
  failed = 0
  /** The first failure. */
  failure: KVError | undefined
  /** The last key read. */
  key: string | undefined

  get foundNone(): boolean {
    return this.rotated === 0 && this.overtaken === 0 && this.failed === 0
  }

  /** Counts the outcome of one rewrite; returns an error that concerns more than this value. */
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

/**
 * A key of the left table, or of the result, or of both, and what is known of its result.
 *
 * Who writes knows what that comes to before the table tells of it. Such an answer may be outdated when it comes, and the
 * table need not tell, where it has again what it had before: then the result is doubtful, and is looked up.
 */
export class Row<L, V> {
  readonly key: string
  left: L | undefined
  foreign: string | undefined
  /** What the result table has, as far as is known. */
  result: V | undefined
  version: number | 'absent' = 'absent'
  /** It is what the table told; rather than what was answered, of which the table has not told yet. */
  isTold = true
  /** The table has told all that it has, and not of this. */
  isDoubtful = false
  /** The result has to be looked at. */
  isDirty = false
  /** The result is being written, or read. */
  isBusy = false
  /** The newest that is known, also if it has been deleted. */
  #revision = -1

  constructor(key: string) {
    this.key = key
  }

  /** The table tells what it has; returns whether that is news. */
  told(result: V | undefined, version: number, revision: number): boolean {
    const isOld = result !== undefined && revision <= this.#revision
    if (isOld) {
      if (revision === this.#revision && this.version !== 'absent' && !this.isBusy) this.isTold = true
    } else {
      this.#know(result, version, revision)
      this.isTold = true
    }
    return !isOld
  }

  /** A write is answered. What was told meanwhile may be older, or newer: if older, the table will tell of this, too. */
  written(result: V | undefined, version: number, revision: number): void {
    if (this.isTold && (this.version === 'absent' || revision <= this.#revision)) return
    this.#know(result, version, revision)
    this.isTold = false
  }

  /** A read is answered. */
  found(result: V | undefined, version: number): void {
    if (!this.isTold) this.#know(result, version, -1)
  }

  #know(result: V | undefined, version: number, revision: number): void {
    this.result = result
    this.version = result === undefined && version === -1 ? 'absent' : version
    if (revision > this.#revision) this.#revision = revision
  }
}

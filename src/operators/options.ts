/** Options of the operators that work on each record for itself. */
export interface OperatorOptions {
  /**
   * How many records may be under way at a time, from 1 to `Infinity`. A source that can be paused (`pull$`) is asked
   * for no more than that; what another source sends beyond it waits in memory.
   * @defaultValue 4096; 1024 for `perKey` and `updateKV`
   */
  readonly concurrency?: number | undefined
  /**
   * Whether outputs keep the order of the records; `false` emits each as soon as it is there.
   * @defaultValue true
   */
  readonly ordered?: boolean | undefined
}

/** Options of the operators that write an entry for each record. */
export interface WriteOptions extends OperatorOptions {
  /**
   * How long the entry is there, in whole milliseconds, unless it is written again: then it reads as absent.
   * @defaultValue for ever
   */
  readonly expireAfter?: number | undefined
}

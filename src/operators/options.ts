/** Options of the operators that process each record independently. */
export interface OperatorOptions {
  /**
   * How many records may be in flight at a time, from 1 to `Infinity`. A source that can be paused (`pull$`) is then
   * paused; records of other sources wait in memory.
   * @defaultValue 4096; 1024 for `perKey` and `updateKV`
   */
  readonly concurrency?: number | undefined
  /**
   * Whether outputs keep the order of the records; with `false` each is emitted as soon as it is ready.
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

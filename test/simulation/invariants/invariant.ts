import type { ObservedStore, Operation, Pipeline, Run, Stream } from '../workload/observed.ts'

/** What is wrong, for people; `undefined` where nothing is. */
export type Problem = string | undefined

/** A promise, written once: looked at after every step that it is about, and at the end. */
export interface Invariant {
  readonly name: string
  /** An operation has settled, or did so again. */
  settled?(operation: Operation, run: Run, now: number): Problem
  /** A subscription emitted this for a key. */
  emitted?(stream: Stream, key: string, value: unknown, run: Run, now: number): Problem
  /** A subscription to changes emitted `synced`. */
  synced?(stream: Stream, run: Run): Problem
  streamEnded?(stream: Stream, run: Run): Problem
  output?(pipeline: Pipeline, run: Run): Problem
  pipelineEnded?(pipeline: Pipeline, run: Run): Problem
  closed?(store: ObservedStore, run: Run, now: number): Problem
  /** Everything is healed and had time to come to rest; the stores are open. */
  atRest?(run: Run): Problem
  /** Everything is closed. */
  atEnd?(run: Run): Problem
}

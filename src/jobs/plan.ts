import type { JobDefinition, JobPipelineDefinition } from './types.ts'

/** A job as it runs: its definition, overridden by the options of `run`. */
export type Plan<T, V, R, C> = JobDefinition<T, V, V | undefined, R, C> | JobPipelineDefinition<T, V, R, C>

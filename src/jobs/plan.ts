import type { JobDefinition, JobPipelineDefinition } from './types.ts'

/** A job as it is run: its definition, with what `run` was given in place of it. */
export type Plan<T, V, R, C> = JobDefinition<T, V, V | undefined, R, C> | JobPipelineDefinition<T, V, R, C>

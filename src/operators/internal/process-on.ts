import type { OperatorFunction } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { OwnedPartition } from '../../contract/owned-partition.ts'
import type { Access } from '../../store/access.ts'
import type { ProcessOptions } from '../processKV.ts'
import { bound, wholeOrInfinite } from './arguments.ts'
import type { DueCommits, Process } from './batch.ts'
import { CommitLoop } from './commit-loop.ts'
import { mostCommits } from './commit-stream.ts'
import type { Journal } from './journal.ts'
import { operate } from './operate.ts'

/** The default of `remember` with an owned partition. */
const REMEMBERED = 100_000

/**
 * Throws `INVALID_ARGUMENT` if one of the two options of an owned partition is missing, or it belongs to another store.
 */
function fencesOf<T>(
  { partition, positionOf }: Pick<ProcessOptions<T, never, never, unknown>, 'partition' | 'positionOf'>,
  shards: number,
): OwnedPartition['fences'] | undefined {
  if (partition === undefined && positionOf === undefined) return undefined
  if (partition === undefined || positionOf === undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `\`${partition === undefined ? 'positionOf' : 'partition'}\` needs \`${partition === undefined ? 'partition' : 'positionOf'}\`, too`,
    )
  }
  const { fences } = partition
  if (fences.length === shards) return fences
  throw new KVError(
    'INVALID_ARGUMENT',
    `the \`partition\` is owned on a store over ${fences.length} ensembles, and this one is over ${shards}`,
  )
}

export const isSamePrimitive = (before: unknown, after: unknown): boolean =>
  Object.is(before, after) && (typeof after !== 'object' || after === null) && typeof after !== 'function'

/** What a process loop needs besides its options. */
interface Extras<T, V> {
  readonly journal?: Journal | undefined
  readonly due?: DueCommits<T, V> | undefined
}

/** The process loop on a given access. */
export function processOn<T, V, N, R>(
  access: Access<V>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined) => V | undefined,
  options: ProcessOptions<T, V, N, R>,
  { journal, due }: Extras<T, V>,
): OperatorFunction<T, R> {
  const commitSize = wholeOrInfinite('commitSize', options.commitSize, 8192)
  const fences = fencesOf(options, access.shards)
  const process: Process<T, V, R> = {
    keyOf,
    transform,
    project: options.project as Process<T, V, R>['project'],
    unchanged: options.unchanged ?? isSamePrimitive,
    commitWith: options.commitWith,
    commitOutputs: options.commitOutputs,
    deadLetter: options.deadLetter === 'fail' ? undefined : options.deadLetter,
    commitSize,
    remember: bound('remember', options.remember, fences === undefined ? 0 : REMEMBERED, 0),
    positionOf: options.positionOf,
    fences,
    journal,
    due,
  }
  return operate(
    (1 + mostCommits(process)) * commitSize,
    (destination, capacity) => new CommitLoop(access, process, destination, capacity),
  )
}

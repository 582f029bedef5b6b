import { KVError } from '../base/errors.ts'
import { RunHandle } from './events.ts'
import type { Plan } from './plan.ts'
import { Execution } from './run.ts'
import type { Job, JobDefinition, JobPipelineDefinition, RunOptions } from './types.ts'

function check(
  definition: object,
  field: string,
  expected: string,
  isRight: (value: unknown) => boolean,
): void {
  const value = (definition as Record<string, unknown>)[field]
  if (isRight(value)) return
  throw new KVError('INVALID_ARGUMENT', `\`${field}\` of a job must be ${expected}, got ${nameOf(value)}`)
}

const nameOf = (value: unknown): string =>
  value === '' ? "''" : value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value

const isFunction = (value: unknown): boolean => typeof value === 'function'
const isMethod = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && isFunction((value as Record<string, unknown>)[name])

function checkDefinition(definition: object): void {
  check(definition, 'name', 'a string that is not empty', value => typeof value === 'string' && value !== '')
  check(
    definition,
    'value',
    'a codec, such as json()',
    value => isMethod(value, 'encode') && isMethod(value, 'decode'),
  )
  if ((definition as { pipeline?: unknown }).pipeline === undefined) {
    check(definition, 'keyOf', 'a function', isFunction)
    check(definition, 'transform', 'a function', isFunction)
    check(definition, 'project', 'a function', value => value === undefined || isFunction(value))
  } else {
    check(definition, 'pipeline', 'a function', isFunction)
    check(definition, 'recordOf', 'a function', value => value === undefined || isFunction(value))
    for (const field of ['keyOf', 'transform', 'project', 'process']) {
      check(definition, field, 'left out where it has a `pipeline`', value => value === undefined)
    }
  }
  checkShared(definition)
}

/** Checks the options that `run` takes, too. */
function checkShared(options: object): void {
  check(
    options,
    'group',
    'a string that is not empty',
    value => value === undefined || (typeof value === 'string' && value !== ''),
  )
  const isSink = (none: string) => (value: unknown) =>
    value === undefined || value === none || isFunction(value)
  check(options, 'output', "a function or 'none'", isSink('none'))
  check(options, 'deadLetter', "a function or 'fail'", isSink('fail'))
}

/**
 * Defines a job: an input, whose records are processed by key into a store, and the outputs.
 *
 * `run` opens the store and takes the input through `processKV`, or through a `pipeline` of any operators, measured. It
 * ends in good order at the end of the input, at `SIGINT` or `SIGTERM`, or on demand: it takes no more records, lets
 * what is in flight finish, delivers the last outputs and figures, and closes what it opened. A second signal ends it
 * at once. State and outputs are at-least-once; with `position` or a `PartitionedInput`, a record counts exactly once
 * in the state.
 *
 * Throws `INVALID_ARGUMENT`, which names the field, for a wrong definition.
 *
 * @example
 * ```ts
 * import { job, json } from 'rxkeeper'
 *
 * const visits = job({
 *   name: 'visits',
 *   value: json<number>(),
 *   store: 'memory:',
 *   input: [{ user: 'alice' }, { user: 'bob' }, { user: 'alice' }],
 *   keyOf: visit => visit.user,
 *   transform: (_, count = 0) => count + 1,
 *   output: ([visit, count]) => console.log(visit.user, count), // alice 1, bob 1, alice 2
 * })
 * const { figures } = await visits.run()
 * console.log(figures.total.records) // 3
 * ```
 *
 * @example With a pipeline of its own
 * ```ts
 * import { job, json, type Window, windowKV } from 'rxkeeper'
 *
 * await job({
 *   name: 'per minute',
 *   value: json<Window<number>>(),
 *   store: 'memory:',
 *   input: [{ page: '/', at: 10_000 }, { page: '/', at: 70_000 }, { page: '/', at: 50_000 }],
 *   pipeline: ({ store, commit }) =>
 *     windowKV(store, ({ record }) => record.page, (_, count = 0) => count + 1, {
 *       ...commit,
 *       timeOf: ({ record }) => record.at,
 *       size: 60_000,
 *     }),
 *   output: ([, { start, value }]) => console.log(start, value), // 0 1, 60000 1, 0 2
 * }).run()
 * ```
 */
export function job<T, V, R, C = unknown>(
  definition: JobPipelineDefinition<T, V, R, C>,
): Job<T, V, R, C, JobPipelineDefinition<T, V, R, C>>
/**
 * Defines a job that keeps a value for each key. The value's type comes from the codec alone, so that `transform` may
 * destructure it with a default.
 *
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function job<
  T,
  V,
  F extends (record: NoInfer<T>, value: NoInfer<V> | undefined, config: NoInfer<C>) => NoInfer<V> | undefined,
  R = [record: T, value: ReturnType<F>],
  C = unknown,
>(
  definition: Omit<JobDefinition<T, V, ReturnType<F>, R, C>, 'transform'> & { readonly transform: F },
): Job<T, V, R, C>
/** Defines a job whose config has no schema: its type comes from the parameters of the functions. */
export function job<T, V, N extends V | undefined = V | undefined, R = [record: T, value: N], C = unknown>(
  definition: JobDefinition<T, V, N, R, C>,
): Job<T, V, R, C>
export function job<T, V, R, C>(definition: Plan<T, V, R, C>): Job<T, V, R, C, Plan<T, V, R, C>> {
  checkDefinition(definition)
  return {
    name: definition.name,
    definition,
    run(options: RunOptions<T, V, R, C> = {}) {
      checkShared(options)
      const { store, input, group, output, deadLetter, publish } = options
      const given = Object.entries({ store, input, group, output, deadLetter, publish }).filter(
        ([, value]) => value !== undefined,
      )
      const plan: Plan<T, V, R, C> = { ...definition, ...Object.fromEntries(given) }
      const execution = new Execution(plan, options)
      const handle = new RunHandle(execution.events, execution)
      execution.start()
      return handle
    },
  }
}

import { defer, type Observable, switchMap, throwError, timer } from 'rxjs'
import {
  type Codec,
  type Engine,
  type EngineLimits,
  type KVError,
  type KVStore,
  kvStore,
  Memory,
  MemoryEngine,
  ShardedEngine,
  type StoreOptions,
  type Write,
} from '../../src/index.ts'

/** What a store asks of its engine. */
export interface Request {
  readonly name: 'read' | 'write' | 'commit'
  readonly keys: readonly string[]
  readonly writes: readonly Write[]
}

export type Hook = <R>(request: Request, answer$: Observable<R>) => Observable<R>

export interface HookedOptions<V> extends StoreOptions<V> {
  readonly memory?: Memory
  /** Of several, each has the keys of a shard. */
  readonly memories?: readonly Memory[]
  /**
   * What is asked.
   * @defaultValue the engine of the memory
   */
  readonly engineOf?: (memory: Memory) => Engine
  readonly limits?: Partial<EngineLimits>
  /** Whether there are nodes beside the keys; there are by default. */
  readonly nodes?: boolean
}

/** A store of ours in memory, or in several, whose engines are asked through `hooks`, the first of them first. */
export function hookedStore<V>(
  {
    memory = new Memory(),
    memories = [memory],
    engineOf,
    limits,
    nodes = true,
    ...options
  }: HookedOptions<V>,
  ...hooks: Hook[]
): KVStore<V> {
  const engines = memories.map(each =>
    hookedEngine(engineOf?.(each) ?? new MemoryEngine(each), limits, nodes, hooks),
  )
  return kvStore(engines.length === 1 ? engines[0]! : new ShardedEngine(engines), options)
}

function hookedEngine(
  engine: Engine,
  limits: Partial<EngineLimits> | undefined,
  nodes: boolean,
  hooks: readonly Hook[],
): Engine {
  const ask = <R>(request: Request, answer$: Observable<R>): Observable<R> =>
    hooks.reduceRight((inner$, hook) => hook(request, inner$), answer$)
  return {
    name: 'hooked',
    limits: { ...engine.limits, ...limits },
    nodes: nodes ? engine.nodes : undefined,
    status$: engine.status$,
    read: (keys, due) => ask({ name: 'read', keys, writes: [] }, engine.read(keys, due)),
    write: (writes, due) => ask({ name: 'write', keys: [], writes }, engine.write(writes, due)),
    commit: (writes, due) => ask({ name: 'commit', keys: [], writes }, engine.commit(writes, due)),
    entries: span => engine.entries(span),
    keys: span => engine.keys(span),
    watch: () => engine.watch(),
    close: () => engine.close(),
  }
}

const show = (write: Write): string =>
  `${write.type} ${write.key}${write.type === 'put' ? `=${Buffer.from(write.value)}` : ''}@${write.ifVersion}`

/** Logs what the engine is asked for: `read a b`; for a commit `put a=1@absent, check b@0`. */
export const logging =
  (log: string[]): Hook =>
  ({ name, keys, writes }, answer$) =>
    defer(() => {
      log.push(name === 'read' ? `read ${keys.join(' ')}` : writes.map(show).join(', '))
      return answer$
    })

/** The keys that a request is about. */
export const keysOf = ({ keys, writes }: Request): readonly string[] =>
  keys.length > 0 ? keys : writes.map(({ key }) => key)

/** Lets each request begin after so many milliseconds. */
export const delayed =
  (delay: (request: Request) => number): Hook =>
  (request, answer$) =>
    timer(delay(request)).pipe(switchMap(() => answer$))

/** Refuses those commits for which `refuse` gives an error. */
export const refusing =
  (refuse: (writes: readonly Write[]) => KVError | undefined): Hook =>
  ({ name, writes }, answer$) =>
    defer(() => {
      const error = name === 'commit' ? refuse(writes) : undefined
      return error === undefined ? answer$ : throwError(() => error)
    })

/** Does the first of `effects` before the first request of this name, the second before the second, … */
export const before = (name: Request['name'], ...effects: (() => unknown)[]): Hook => {
  let count = 0
  return (request, answer$) =>
    defer(() => {
      if (request.name === name) effects[count++]?.()
      return answer$
    })
}

/** Writes at once, past any store: the engine's way of being somebody else. */
export const writeElsewhere = <V>(
  memory: Memory,
  value: Codec<V>,
  key: string,
  newValue: V | undefined,
): void => {
  const engine = new MemoryEngine(memory)
  const write: Write =
    newValue === undefined
      ? { type: 'delete', key }
      : { type: 'put', key, value: value.encode(newValue, key) }
  engine.write([write]).subscribe()
}

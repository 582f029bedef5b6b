import { defer, from, mergeMap, type Observable } from 'rxjs'
import type { Movable, Scan } from '../../src/contract/engine.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import type { Memory } from '../../src/engines/memory/memory.ts'

/** Lets the calls of a run of a move through, each after some turns of the event loop, and from some call on none. */
export class Gate {
  readonly #turns: () => number
  readonly #most: number
  /** Those whose calls go through it. */
  readonly engines: GatedEngine[] = []
  readonly #opened: Promise<void>
  /** Resolves when a call is held. */
  readonly frozen: Promise<void>
  #open = (): void => {}
  #freeze = (): void => {}
  #calls = 0

  /**
   * @param turns how many turns a call takes
   * @param most how many calls are let through, until it is opened
   */
  constructor(turns: () => number, most: number) {
    this.#turns = turns
    this.#most = most
    this.#opened = new Promise(resolve => {
      this.#open = resolve
    })
    this.frozen = new Promise(resolve => {
      this.#freeze = resolve
    })
  }

  /** What was held goes on, as a request that was long on its way. */
  open(): void {
    this.#open()
  }

  async pass(): Promise<void> {
    if (++this.#calls > this.#most) {
      // A process that is killed, or frozen for long.
      if (this.#calls === this.#most + 1) for (const engine of this.engines) engine.expire()
      this.#freeze()
      await this.#opened
    }
    await turns(this.#turns())
  }

  through<T>(answer: () => Observable<T>): Observable<T> {
    return defer(() => from(this.pass()).pipe(mergeMap(answer)))
  }
}

/** Waits so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** An engine in memory whose calls go through a gate. */
export class GatedEngine extends MemoryEngine {
  override readonly movable: Movable
  readonly #gate: Gate

  constructor(memory: Memory, mover: string, gate: Gate) {
    super(memory, mover)
    this.#gate = gate
    gate.engines.push(this)
    this.movable = { nodes: () => gate.through(() => this.lasting()) }
  }

  override read(...args: Parameters<MemoryEngine['read']>): ReturnType<MemoryEngine['read']> {
    return this.#gate.through(() => super.read(...args))
  }

  override write(...args: Parameters<MemoryEngine['write']>): ReturnType<MemoryEngine['write']> {
    return this.#gate.through(() => super.write(...args))
  }

  override commit(...args: Parameters<MemoryEngine['commit']>): ReturnType<MemoryEngine['commit']> {
    return this.#gate.through(() => super.commit(...args))
  }

  override entries(...args: Parameters<MemoryEngine['entries']>): ReturnType<MemoryEngine['entries']> {
    return this.#gated(super.entries(...args))
  }

  override keys(...args: Parameters<MemoryEngine['keys']>): ReturnType<MemoryEngine['keys']> {
    return this.#gated(super.keys(...args))
  }

  #gated<P>(scan: Scan<P>): Scan<P> {
    return { next: due => this.#gate.through(() => scan.next(due)), close: () => scan.close() }
  }
}

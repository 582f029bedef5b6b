import type { ExpectedVersion } from 'rxkeeper'

/** What a key holds: a value that no other write wrote, and its version; `undefined` where absent. */
export type State = { readonly value: string; readonly version: number } | undefined

/** What was done to a key, with what was answered, where there was an answer. */
export type Action =
  | { readonly type: 'read'; readonly found: State }
  | {
      readonly type: 'put'
      readonly value: string
      readonly ifVersion?: ExpectedVersion | undefined
      readonly version?: number | undefined
    }
  | {
      readonly type: 'delete'
      readonly ifVersion?: number | undefined
      readonly existed?: boolean | undefined
    }
  /** Read, compute, write: `from` is the value that was computed on; a `value` of `undefined` deletes. */
  | {
      readonly type: 'update'
      readonly from: string | undefined
      readonly value: string | undefined
      readonly version?: number | undefined
    }
  /** A write was refused because its condition did not hold. */
  | { readonly type: 'conflict'; readonly ifVersion: ExpectedVersion }

/** One operation in a history. Times are positions in the one order of all beginnings and ends. */
export interface Operation {
  readonly client: string
  readonly action: Action
  readonly begun: number
  /** Infinite where the outcome is not known: it may take effect at any time from `begun` on, or never. */
  readonly ended: number
  /** How often the connection went under an unconditional write: as often it may have taken effect, and been sent again. */
  readonly repeated?: number
  /** A read that may show an older state, as long as this client has seen no newer one. */
  readonly mayBeOld?: boolean
}

/** What can be said of an operation beside what was answered. */
type Remarks = Pick<Operation, 'repeated' | 'mayBeOld'>

/** An operation under way. */
export interface Begun {
  readonly client: string
  readonly key: string
  readonly at: number
}

/** What was done and answered, by key. */
export class History {
  readonly #byKey = new Map<string, Operation[]>()
  #now = 0
  /** How many operations were answered. */
  answered = 0

  /** The next position in the order of beginnings and ends. */
  tick(): number {
    return ++this.#now
  }

  begin(client: string, key: string): Begun {
    return { client, key, at: this.tick() }
  }

  /** It was answered. */
  end({ client, key, at }: Begun, action: Action, remarks: Remarks = {}): void {
    this.answered++
    this.#add(key, { client, action, begun: at, ended: this.tick(), ...remarks })
  }

  /** Nobody knows what becomes of it. */
  unknown({ client, key, at }: Begun, action: Action, remarks: Remarks = {}): void {
    this.#add(key, { client, action, begun: at, ended: Number.POSITIVE_INFINITY, ...remarks })
  }

  get keys(): string[] {
    return [...this.#byKey.keys()]
  }

  of(key: string): readonly Operation[] {
    return this.#byKey.get(key) ?? []
  }

  #add(key: string, operation: Operation): void {
    const operations = this.#byKey.get(key)
    if (operations === undefined) this.#byKey.set(key, [operation])
    else operations.push(operation)
  }
}

import { KeyLayout } from '../../src/engines/zookeeper/layout/key-layout.ts'
import type { Committed } from '../../src/testing/simulation/ensemble.ts'
import type { TreeNode } from '../../src/testing/simulation/tree.ts'

/** What a path was for a time: from a transaction up to the next that changed it. */
export interface State {
  readonly node: TreeNode | undefined
  /** The bytes as text; `undefined` while absent. */
  readonly text: string | undefined
  readonly zxid: number
  readonly at: number
  /** The zxid and the time at which it was over. */
  untilZxid: number
  untilAt: number
}

/** What there really was, when: the history of every path, from the log of the ensemble. */
export class Truth {
  readonly #history: readonly Committed[]
  readonly #states = new Map<string, State[]>()
  readonly #layouts = new Map<string, KeyLayout>()
  #read = 0

  constructor(history: readonly Committed[]) {
    this.#history = history
  }

  /** The states of a path so far, the first of them absent. */
  of(path: string): readonly State[] {
    this.#catchUp()
    return this.#states.get(path) ?? [NEVER]
  }

  /** Where the keys below a root are, by what it records. */
  layout(root: string): KeyLayout {
    const buckets = bucketsOf(this.of(root).at(-1)!.text)
    const known = this.#layouts.get(`${buckets} ${root}`)
    if (known !== undefined) return known
    const layout = new KeyLayout(root, buckets)
    this.#layouts.set(`${buckets} ${root}`, layout)
    return layout
  }

  ofKey(root: string, key: string): readonly State[] {
    return this.of(this.layout(root).pathOf(key))
  }

  /** Every key below a root that there ever was, with its states. */
  keys(root: string): Map<string, readonly State[]> {
    this.#catchUp()
    const layout = this.layout(root)
    const keys = new Map<string, readonly State[]>()
    for (const [path, states] of this.#states) {
      const key = layout.keyOf(path)
      if (key !== undefined) keys.set(key, states)
    }
    return keys
  }

  #catchUp(): void {
    for (; this.#read < this.#history.length; this.#read++) {
      const { at, transaction } = this.#history[this.#read]!
      for (const changes of transaction.writes) {
        for (const { path, before, after } of changes) {
          // A parent changes with its children; what it holds does not.
          if (before !== undefined && before.data === after?.data && before.version === after.version)
            continue
          let states = this.#states.get(path)
          if (states === undefined) {
            states = [{ ...NEVER }]
            this.#states.set(path, states)
          }
          const last = states.at(-1)!
          last.untilZxid = transaction.zxid
          last.untilAt = at
          states.push({
            node: after,
            text: after === undefined ? undefined : (after.data?.toString() ?? ''),
            zxid: transaction.zxid,
            at,
            untilZxid: Number.POSITIVE_INFINITY,
            untilAt: Number.POSITIVE_INFINITY,
          })
        }
      }
    }
  }
}

const NEVER: State = {
  node: undefined,
  text: undefined,
  zxid: 0,
  at: 0,
  untilZxid: Number.POSITIVE_INFINITY,
  untilAt: Number.POSITIVE_INFINITY,
}

function bucketsOf(text: string | undefined): number {
  if (text === undefined || text === '') return 0
  try {
    return JSON.parse(text).rxkeeper.buckets
  } catch {
    return 0
  }
}

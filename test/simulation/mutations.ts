/** A defect that is put back: in `file`, `from` becomes `to`. */
export interface Mutation {
  /** What goes wrong then. */
  readonly defect: string
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[]
  /** Found among these seeds. */
  readonly from: number
  readonly by: number
  /** What it breaks. */
  readonly breaks: RegExp
}

/** Defects that were once there, or would be by a slip. */
export const MUTATIONS: readonly Mutation[] = [
  {
    defect: 'what is asked for while late requests are settled is lost',
    changes: [
      {
        file: 'src/store/batcher.ts',
        from: 'const isGone = (operation: Operation<unknown>): boolean => operation.isOver || isOut(operation)',
        to: `const isGone = (operation: Operation<unknown>): boolean => {
          if (!operation.isOver && !isOut(operation)) return false
          operation.settle(operation.isOver ? WITHDRAWN : error(operation))
          return true
        }`,
      },
    ],
    from: 1,
    by: 500,
    breaks: /breaks/,
  },
  {
    defect: 'changes$: a key that was deleted while the range is listed comes back',
    changes: [
      {
        file: 'src/store/feed.ts',
        from: 'if (isAbsent && this.#scan === undefined)',
        to: 'if (isAbsent)',
      },
    ],
    from: 1,
    by: 500,
    breaks: /breaks/,
  },
  {
    defect: 'linearizable reads from the cache',
    changes: [
      {
        file: 'src/engines/zookeeper/store.ts',
        from: "if (consistency === 'linearizable' && (options.cache ?? 0) > 0) {",
        to: 'if (Number.isNaN(options.cache)) {',
      },
    ],
    from: 601,
    by: 700,
    breaks: /breaks/,
  },
  {
    defect: 'close() within an error that close() causes never settles',
    changes: [
      {
        file: 'src/store/store.ts',
        from: '    if (this.#closing === undefined) {\n',
        to: `    if (this.#closing === undefined) {
      this.#closing = this.#parts.close().then(() => this.#engine.close())
      return this.#closing
`,
      },
    ],
    from: 1,
    by: 500,
    breaks: /breaks/,
  },
  {
    defect: 'a root made with other buckets after the store was opened goes unnoticed',
    changes: [
      {
        file: 'src/engines/zookeeper/operations/reads.ts',
        from: '  if (root.verified) {\n    give()\n    return\n  }\n',
        to: '  if (root !== undefined) {\n    give()\n    return\n  }\n',
      },
    ],
    from: 501,
    by: 700,
    breaks: /breaks/,
  },
  {
    defect: 'a read in flight ends with the last of its batch',
    changes: [
      {
        file: 'src/store/batcher.ts',
        from: "      for (const read of this.#reads.late(now)) read.settle(this.#timedOut(read, 'not answered'))\n",
        to: '',
      },
    ],
    from: 1,
    by: 500,
    breaks: /breaks/,
  },
  {
    defect: 'a write ends with the first of its batch',
    changes: [
      {
        file: 'src/store/write-queue.ts',
        from: '      deadlineOf: index => operations[index]!.deadline,\n',
        to: '      deadlineOf: () => Math.min(...operations.map(({ deadline }) => deadline)),\n',
      },
    ],
    from: 1,
    by: 500,
    breaks: /breaks/,
  },
  {
    defect: 'the bytes of what is out of time count as waiting',
    changes: [
      {
        file: 'src/store/write-queue.ts',
        from: '    this.#waitingBytes -= operation.bytes\n    if (operation instanceof Transaction) {',
        to: '    if (operation instanceof Transaction) {',
      },
    ],
    from: 1,
    by: 500,
    breaks: /breaks/,
  },
  {
    defect: 'a watch that was refused once ends every watch',
    changes: [
      {
        file: 'src/store/hub.ts',
        from: '    if (!passes(error)) {',
        to: '    if (error !== undefined) {',
      },
      {
        file: 'src/engines/zookeeper/operations/watch.ts',
        from: '} else if (mayPass(error)) {',
        to: '} else if (error === Code.throttled) {',
      },
    ],
    from: 1,
    by: 500,
    breaks: /breaks/,
  },
]

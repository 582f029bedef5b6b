import { KVError } from '../../../base/errors.ts'
import { isNodeKey } from '../../../contract/nodes.ts'
import { failure } from '../wire/failures.ts'
import { Code, Op } from '../wire/protocol.ts'
import { syncFrame } from '../wire/requests.ts'
import type { WriteContext } from './context.ts'
import type { PendingWrite } from './plan.ts'
import type { RootEnd } from './root-node.ts'
import type { Send } from './send.ts'
import type { Task } from './tasks.ts'

/**
 * Creates nodes that a task's writes need and do not find; then, or if they cannot be created now, the task proceeds.
 */
export class Prerequisites {
  readonly #context: WriteContext
  readonly #task: Task
  readonly #failed: (error: KVError) => void

  /** `failed` is called if a retry cannot succeed. */
  constructor(context: WriteContext, task: Task, failed: (error: KVError) => void) {
    this.#context = context
    this.#task = task
    this.#failed = failed
  }

  /** Creates the root, then calls `next`. */
  makeRoot(next: () => void = () => this.#resume()): void {
    const { tasks, root, estimate, sendAside } = this.#context
    root.make(sendAside, end => {
      if (end === 'made') estimate.nothingExists()
      if (!tasks.isActive(this.#task)) return
      if (end === 'lost') this.#resume()
      else this.#proceed(end === 'made' ? 'done' : end, next)
    })
  }

  /** Checks whether the root exists, then calls `next`. */
  lookAtRoot(next: () => void): void {
    // A lagging server may not have it yet. A pending look of another task was also sent after the `sync`.
    this.#send(Op.sync, syncFrame(this.#context.layout.root), error => {
      if (error === Code.throttled) this.#proceed('throttled', next)
      else if (error !== Code.ok) this.#failed(failure(error, 'look at the root'))
      else this.#lookAtRoot(next)
    })
  }

  #lookAtRoot(next: () => void): void {
    const { tasks, root, sendAside } = this.#context
    root.look(sendAside, end => {
      if (!tasks.isActive(this.#task)) return
      if (end === 'lost') this.#resume()
      else this.#proceed(end, next)
    })
  }

  /** Creates the parent of a write's node. */
  makeParent({ path, write: { key } }: PendingWrite): void {
    if (!isNodeKey(key)) {
      this.makeRoot()
      return
    }
    const folder = path.slice(0, path.lastIndexOf('/'))
    // If even the root is missing, it is created first, because it records the layout of the keys.
    this.makeRoot(() => {
      this.#context.root.makeFolder(folder, this.#send, end => this.#proceed(end, () => this.#resume()))
    })
  }

  /** Creates the parent of the protection nodes. */
  makeProtectionFolder(): void {
    const { tasks, protections } = this.#context
    protections.makeFolder(this.#send, error => {
      if (error === Code.noNode) this.makeRoot()
      else if (error === Code.throttled) tasks.pause(this.#task)
      else {
        if (error !== Code.ok && error !== Code.nodeExists) protections.enabled = false
        this.#resume()
      }
    })
  }

  #proceed(end: RootEnd, next: () => void): void {
    if (end === 'throttled') this.#context.tasks.pause(this.#task)
    else if (end === 'held') this.#resume()
    else if (end instanceof KVError) this.#failed(end)
    else next()
  }

  #resume(): void {
    this.#context.tasks.resume(this.#task)
  }

  readonly #send: Send = (type, frame, replied) =>
    this.#context.tasks.send(this.#task, type, frame, replied, () => this.#resume())
}

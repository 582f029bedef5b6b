import type { Subscriber } from 'rxjs'
import type { KVError } from '../../../base/errors.ts'
import type { StoredEntry } from '../../../contract/engine.ts'
import { childOf, nodeKey } from '../../../contract/nodes.ts'
import { keyOfName } from '../layout/names.ts'
import { failure } from '../wire/failures.ts'
import { Code } from '../wire/protocol.ts'
import type { Context } from './context.ts'
import { WRITERS } from './protections.ts'
import { readChildren, readLasting } from './reads.ts'
import type { Task } from './tasks.ts'

/** A node beside the keys: its address, and its path. */
interface NodePlace {
  readonly node: string
  readonly path: string
}

/** Reads the nodes beside the keys that outlive their session, level by level. */
export class NodeTreeTask implements Task {
  readonly deadline: number
  readonly #context: Context
  readonly #subscriber: Subscriber<readonly StoredEntry[]>

  constructor(context: Context, deadline: number, subscriber: Subscriber<readonly StoredEntry[]>) {
    this.#context = context
    this.deadline = deadline
    this.#subscriber = subscriber
  }

  proceed(): void {
    const { root } = this.#context.layout
    this.#list([root], ([names]) => {
      const places = names!.flatMap(name => {
        const node =
          name.startsWith('%') && keyOfName(name) === undefined ? keyOfName(name.slice(1)) : undefined
        if (node === undefined || name === WRITERS) return []
        return [{ node: nodeKey(node), path: this.#context.layout.pathOfForeign(name) }]
      })
      this.#descend(places, [])
    })
  }

  abandon(reason: KVError): void {
    this.#subscriber.error(reason.of(undefined, `list what is beside the keys: ${reason.message}`))
  }

  #descend(places: readonly NodePlace[], found: StoredEntry[]): void {
    if (places.length === 0) {
      this.#context.tasks.finish(this)
      this.#subscriber.next(found)
      this.#subscriber.complete()
      return
    }
    const paths = places.map(({ path }) => path)
    readLasting(this.#context, {
      task: this,
      paths,
      sync: true,
      most: () => this.#context.replySize.count(paths.length),
      done: nodes => {
        const lasting: NodePlace[] = []
        for (const [i, node] of nodes.entries()) {
          if (typeof node !== 'object') continue
          const { value, version, revision } = node
          found.push({ key: places[i]!.node, value, version, revision })
          lasting.push(places[i]!)
        }
        this.#list(
          lasting.map(({ path }) => path),
          listings =>
            this.#descend(
              listings.flatMap((names, i) => childrenOf(lasting[i]!, names)),
              found,
            ),
        )
      },
      failed: error => this.#fail(error),
    })
  }

  #list(paths: readonly string[], then: (names: string[][]) => void): void {
    if (paths.length === 0) {
      then([])
      return
    }
    readChildren(this.#context, {
      task: this,
      paths,
      sync: true,
      done: listings => {
        const error = listings.find(names => typeof names === 'number' && names !== Code.noNode)
        if (typeof error === 'number') this.#fail(error)
        else then(listings.map(names => (typeof names === 'number' ? [] : names)))
      },
      failed: error => this.#fail(error),
    })
  }

  #fail(error: number): void {
    this.#context.tasks.finish(this)
    this.#subscriber.error(failure(error, 'list what is beside the keys'))
  }
}

const childrenOf = ({ node, path }: NodePlace, names: readonly string[]): NodePlace[] =>
  names.flatMap(name => {
    const child = keyOfName(name)
    return child === undefined ? [] : [{ node: childOf(node, child), path: `${path}/${name}` }]
  })

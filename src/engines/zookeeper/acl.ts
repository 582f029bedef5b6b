import { Observable } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import { type Task, Tasks } from './operations/tasks.ts'
import { PacketLimit } from './session/packet-limit.ts'
import { Session, type SessionConfig } from './session/session.ts'
import type { Surroundings } from './session/surroundings.ts'
import { type AclEntry, readAcl, showAcl } from './wire/acl.ts'
import { failure } from './wire/failures.ts'
import { Code, Op } from './wire/protocol.ts'
import { readListings } from './wire/replies.ts'
import { multiReadFrame, pathFrame, setAclFrame } from './wire/requests.ts'

/** The access control list of a node. */
export interface NodeAcl {
  /** The path of the node. */
  readonly path: string
  /** The entries, `scheme:id:permissions`, in the notation of ZooKeeper's command line. */
  readonly acl: readonly string[]
  /** Whether the list was changed. */
  readonly changed: boolean
}

/** The place of the nodes, and the timeout of an answer, in milliseconds. */
export interface AclPlace extends Omit<SessionConfig, 'packetLimit'> {
  readonly root: string
  readonly patience: number
}

interface Answer {
  readonly error: number
  readonly reply: Buffer
}

const LISTED_AT_ONCE = 256
const IN_FLIGHT = 256
const CONFIGURED_PACKET = 1_048_575

/** Sends idempotent requests, over as many connections as it takes. */
class Asking {
  readonly #session: Session
  readonly #tasks: Tasks
  readonly #patience: number
  readonly #now: () => number

  constructor(place: AclPlace, surroundings: Surroundings) {
    const { timing } = surroundings
    this.#patience = place.patience
    this.#now = () => timing.now()
    this.#session = new Session(
      { ...place, packetLimit: new PacketLimit(CONFIGURED_PACKET) },
      {
        connected: () => this.#tasks.admit(),
        disconnected: () => this.#tasks.hold(),
        event: () => {},
        eventsEnd: () => {},
        failed: error => this.#tasks.fail(error),
      },
      surroundings,
    )
    this.#tasks = new Tasks(this.#session, timing)
    this.#session.start()
  }

  ask(type: number, frame: () => Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const tasks = this.#tasks
      const task: Task = {
        deadline: this.#now() + this.#patience,
        proceed: () =>
          tasks.send(
            task,
            type,
            frame(),
            (error, _zxid, reply) => {
              if (error === Code.throttled) return tasks.pause(task)
              tasks.finish(task)
              resolve({ error, reply })
            },
            () => tasks.resume(task),
          ),
        abandon: reject,
      }
      tasks.start(task)
    })
  }

  async close(): Promise<void> {
    this.#tasks.fail(new KVError('CLOSED', 'nobody waits for it any more'))
    await this.#session.close()
  }
}

/** The nodes of a store, the root first, level by level. */
async function levelsOf(asking: Asking, root: string): Promise<string[][]> {
  const levels: string[][] = []
  for (let level = [root]; level.length > 0; ) {
    levels.push(level)
    const next: string[] = []
    for (let from = 0; from < level.length; from += LISTED_AT_ONCE) {
      const paths = level.slice(from, from + LISTED_AT_ONCE)
      const { error, reply } = await asking.ask(Op.multiRead, () => multiReadFrame(paths, Op.getChildren))
      if (error !== Code.ok) throw failure(error, `list the nodes below ${root}`)
      for (const [i, names] of readListings(reply, paths.length).entries()) {
        const path = paths[i]!
        if (Array.isArray(names)) {
          for (const name of names) {
            const child = path === '/' ? `/${name}` : `${path}/${name}`
            if (child !== '/zookeeper') next.push(child)
          }
        } else if (names !== Code.noNode || path === root)
          throw failure(names!, `list the nodes below ${path}`)
      }
    }
    level = next
  }
  return levels
}

/** Reads the list of a node, and replaces it by `wanted`, if given; `undefined` if the node is gone. */
async function visit(
  asking: Asking,
  path: string,
  wanted: readonly AclEntry[] | undefined,
): Promise<NodeAcl | undefined> {
  const read = await asking.ask(Op.getAcl, () => pathFrame(Op.getAcl, path))
  if (read.error === Code.noNode) return undefined
  if (read.error !== Code.ok) throw failure(read.error, `read the access control list of ${path}`)
  const acl = showAcl(readAcl(read.reply))
  if (wanted === undefined) return { path, acl, changed: false }
  const next = showAcl(wanted)
  if (acl.join() === next.join()) return { path, acl, changed: false }
  const { error } = await asking.ask(Op.setAcl, () => setAclFrame(path, wanted))
  if (error === Code.noNode) return undefined
  if (error !== Code.ok) throw failure(error, `change the access control list of ${path}`)
  return { path, acl: next, changed: true }
}

/**
 * The lists of all nodes of a store; replaces each by `wanted`, if given. Children come before their parent, so that a
 * user who drops their own permission can still reach the rest, and so that an interrupted run can be repeated.
 */
export const visitAcls$ = (
  place: AclPlace,
  wanted: readonly AclEntry[] | undefined,
  surroundings: Surroundings,
): Observable<NodeAcl> =>
  new Observable(subscriber => {
    const asking = new Asking(place, surroundings)
    const work = async (): Promise<void> => {
      const levels = await levelsOf(asking, place.root)
      for (const level of levels.reverse()) {
        for (let from = 0; from < level.length && !subscriber.closed; from += IN_FLIGHT) {
          const paths = level.slice(from, from + IN_FLIGHT)
          for (const node of await Promise.all(paths.map(path => visit(asking, path, wanted)))) {
            if (node !== undefined) subscriber.next(node)
          }
        }
      }
      await asking.close()
    }
    work().then(
      () => subscriber.complete(),
      error => subscriber.error(error),
    )
    return () => void asking.close()
  })

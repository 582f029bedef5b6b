import type { KeyLayout } from '../layout/key-layout.ts'
import type { PacketLimit } from '../session/packet-limit.ts'
import type { Session } from '../session/session.ts'
import type { ExistenceEstimate } from './existence-estimate.ts'
import type { Protections } from './protections.ts'
import type { ReplySize } from './reply-size.ts'
import type { RootNode } from './root-node.ts'
import type { Send } from './send.ts'
import type { Tasks } from './tasks.ts'

/** What the reads and writes of an engine share. */
export interface Context {
  readonly tasks: Tasks
  readonly layout: KeyLayout
  readonly root: RootNode
  readonly acl: Buffer
  readonly packetLimit: PacketLimit
  /** Whether each read follows a `sync`. */
  readonly linearizable: boolean
  readonly replySize: ReplySize
  /** Sends requests that belong to no task. */
  readonly sendAside: Send
}

/** What writes need, besides what reads do. */
export interface WriteContext extends Context {
  readonly session: Session
  readonly estimate: ExistenceEstimate
  readonly protections: Protections
}

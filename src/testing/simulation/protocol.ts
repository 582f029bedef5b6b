/** The request types that the model answers. */
export const Op = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  removeWatches: 18,
  multiRead: 22,
  auth: 100,
  addWatch: 106,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const

export const Code = {
  ok: 0,
  systemError: -1,
  runtimeInconsistency: -2,
  unimplemented: -6,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
  noWatcher: -121,
  quotaExceeded: -125,
  throttled: -127,
} as const

export const Event = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const

export const Permission = { read: 1, write: 2, create: 4, delete: 8, all: 31 } as const

/** An entry of an access control list. */
export interface Acl {
  readonly perms: number
  readonly scheme: string
  readonly id: string
}

/** An identity that a connection has proved. */
export interface Identity {
  readonly scheme: string
  readonly id: string
}

export type WriteOp =
  | {
      readonly type: typeof Op.create | typeof Op.create2
      readonly path: string
      readonly data: Buffer | null
      readonly acl: readonly Acl[]
      readonly flags: number
    }
  | {
      readonly type: typeof Op.setData
      readonly path: string
      readonly data: Buffer | null
      readonly version: number
    }
  | { readonly type: typeof Op.delete | typeof Op.check; readonly path: string; readonly version: number }

export type ReadOp = {
  readonly type: typeof Op.getData | typeof Op.exists | typeof Op.getChildren | typeof Op.getChildren2
  readonly path: string
  readonly watch: boolean
}

/** A request after the handshake. */
export type Request = { readonly xid: number } & (
  | WriteOp
  | ReadOp
  | { readonly type: typeof Op.multi; readonly ops: readonly WriteOp[] }
  | { readonly type: typeof Op.multiRead; readonly ops: readonly ReadOp[] }
  | { readonly type: typeof Op.sync; readonly path: string }
  | {
      readonly type: typeof Op.addWatch | typeof Op.removeWatches
      readonly path: string
      readonly mode: number
    }
  | { readonly type: typeof Op.auth; readonly scheme: string; readonly auth: Buffer }
  | { readonly type: typeof Op.ping | typeof Op.closeSession }
)

/** Whether it involves the leader, so that later requests of the session wait for it. */
export const goesToLeader = ({ type }: Request): boolean =>
  type === Op.create ||
  type === Op.create2 ||
  type === Op.setData ||
  type === Op.delete ||
  type === Op.check ||
  type === Op.multi ||
  type === Op.sync ||
  type === Op.closeSession

import { type Acl, Code, type Identity, Op, Permission, type WriteOp } from './protocol.ts'

/** A node on a server; immutable, replaced at each change. */
export interface TreeNode {
  readonly data: Buffer | null
  readonly acl: readonly Acl[]
  readonly czxid: number
  readonly mzxid: number
  readonly ctime: number
  readonly mtime: number
  readonly version: number
  /** How many children were created, and the zxid of the last creation or deletion of one. */
  readonly created: number
  readonly pzxid: number
  readonly ephemeralOwner: number
  readonly children: ReadonlySet<string>
}

/** A change of a path: the node that is there afterwards, or `undefined`. */
export interface Change {
  readonly path: string
  readonly before: TreeNode | undefined
  readonly after: TreeNode | undefined
}

/** The context of a write. */
export interface Stamp {
  readonly zxid: number
  readonly time: number
  readonly session: number
  readonly identities: readonly Identity[]
}

export class Refused extends Error {
  readonly code: number

  constructor(code: number) {
    super(`refused with ${code}`)
    this.code = code
  }
}

/** The path of the parent; for children of the root `''`, under which the root is stored. */
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const placeOf = (path: string): string => (path === '/' ? '' : path)

const EPHEMERAL = 1
const SEQUENTIAL = 2
const OPEN: readonly Acl[] = [{ perms: Permission.all, scheme: 'world', id: 'anyone' }]

const FIRST: TreeNode = {
  data: Buffer.alloc(0),
  acl: OPEN,
  czxid: 0,
  mzxid: 0,
  ctime: 0,
  mtime: 0,
  version: 0,
  created: 0,
  pzxid: 0,
  ephemeralOwner: 0,
  children: new Set(),
}

function checkPath(path: string): void {
  if (!/^\/([^/\0]+(\/[^/\0]+)*)?$/.test(path)) throw new Refused(Code.badArguments)
}

export const isPermitted = (node: TreeNode, permission: number, identities: readonly Identity[]): boolean =>
  node.acl.some(
    ({ perms, scheme, id }) =>
      (perms & permission) !== 0 &&
      ((scheme === 'world' && id === 'anyone') ||
        identities.some(each => each.scheme === scheme && each.id === id)),
  )

export function checkPermission(node: TreeNode, permission: number, identities: readonly Identity[]): void {
  if (!isPermitted(node, permission, identities)) throw new Refused(Code.noAuth)
}

/** The stored list: `auth` stands for all identities that the connection has proved. */
function storedAcl(acl: readonly Acl[], identities: readonly Identity[]): Acl[] {
  const stored = acl.flatMap(each =>
    each.scheme === 'auth' ? identities.map(identity => ({ perms: each.perms, ...identity })) : [each],
  )
  const known = ({ scheme, id }: Acl) =>
    (scheme === 'world' && id === 'anyone') || (scheme === 'digest' && id.includes(':'))
  if (stored.length === 0 || !stored.every(known)) throw new Refused(Code.invalidAcl)
  return stored
}

/** The version after a write: it wraps, as a Java `int`. */
function nextVersion(version: number, expected: number): number {
  if (expected !== -1 && expected !== version) throw new Refused(Code.badVersion)
  return (version + 1) | 0
}

/** The znodes of one server. */
export class Tree {
  #nodes: Map<string, TreeNode>
  /** The zxid of the last applied transaction. */
  lastZxid = 0

  constructor() {
    this.#nodes = new Map([
      ['', { ...FIRST, children: new Set(['zookeeper']) }],
      ['/zookeeper', { ...FIRST, children: new Set(['config', 'quota']) }],
      ['/zookeeper/config', FIRST],
      ['/zookeeper/quota', FIRST],
    ])
  }

  /** An independent copy. */
  copy(): Tree {
    const copy = new Tree()
    copy.#nodes = new Map(this.#nodes)
    copy.lastZxid = this.lastZxid
    return copy
  }

  get(path: string): TreeNode | undefined {
    return this.#nodes.get(placeOf(path))
  }

  /** All paths. */
  get paths(): Iterable<string> {
    return this.#nodes.keys()
  }

  /** The node; throws {@link Refused} if there is none. */
  found(path: string): TreeNode {
    const node = this.get(path)
    if (node === undefined) throw new Refused(Code.noNode)
    return node
  }

  /** Applies or reverts a change. */
  apply({ path, after }: Change): void {
    if (after === undefined) this.#nodes.delete(placeOf(path))
    else this.#nodes.set(placeOf(path), after)
  }

  undo(changes: readonly Change[]): void {
    for (const { path, before } of changes.toReversed()) this.apply({ path, before, after: before })
  }

  /** Applies one write and returns its changes, that of the path itself first; throws {@link Refused}. */
  carryOut(op: WriteOp, stamp: Stamp): Change[] {
    switch (op.type) {
      case Op.create:
      case Op.create2:
        return this.#create(op, stamp)
      case Op.setData: {
        const { path, data, version } = op
        checkPath(path)
        const node = this.found(path)
        checkPermission(node, Permission.write, stamp.identities)
        return this.#change([
          [
            path,
            {
              ...node,
              data,
              version: nextVersion(node.version, version),
              mzxid: stamp.zxid,
              mtime: stamp.time,
            },
          ],
        ])
      }
      case Op.delete: {
        const { path, version } = op
        if (!path.includes('/') || path === '/' || path.startsWith('/zookeeper'))
          throw new Refused(Code.badArguments)
        const parent = this.found(parentOf(path))
        checkPermission(parent, Permission.delete, stamp.identities)
        const node = this.found(path)
        nextVersion(node.version, version)
        if (node.children.size > 0) throw new Refused(Code.notEmpty)
        return this.remove(path, stamp.zxid)
      }
      case Op.check: {
        const node = this.found(op.path)
        checkPermission(node, Permission.read, stamp.identities)
        nextVersion(node.version, op.version)
        return []
      }
    }
  }

  /** Deletes an existing node. */
  remove(path: string, zxid: number): Change[] {
    const parent = this.found(parentOf(path))
    const children = new Set(parent.children)
    children.delete(nameOf(path))
    return this.#change([
      [path, undefined],
      [parentOf(path), { ...parent, children, pzxid: zxid }],
    ])
  }

  /** The ephemeral nodes of a session. */
  ephemeralsOf(session: number): string[] {
    return [...this.#nodes].filter(([, node]) => node.ephemeralOwner === session).map(([path]) => path)
  }

  #create(op: WriteOp & { readonly flags: number; readonly acl: readonly Acl[] }, stamp: Stamp): Change[] {
    if (op.type !== Op.create && op.type !== Op.create2) throw new Refused(Code.unimplemented)
    if (!op.path.startsWith('/')) throw new Refused(Code.badArguments)
    const acl = storedAcl(op.acl, stamp.identities)
    const above = parentOf(op.path)
    const parent = this.found(above)
    checkPermission(parent, Permission.create, stamp.identities)
    const sequence = (op.flags & SEQUENTIAL) === 0 ? '' : String(parent.created).padStart(10, '0')
    const path = op.path + sequence
    checkPath(path)
    if (this.get(path) !== undefined) throw new Refused(Code.nodeExists)
    if (parent.ephemeralOwner !== 0) throw new Refused(Code.noChildrenForEphemerals)
    const { zxid, time } = stamp
    const node: TreeNode = {
      ...FIRST,
      data: op.data,
      acl,
      czxid: zxid,
      mzxid: zxid,
      pzxid: zxid,
      ctime: time,
      mtime: time,
      ephemeralOwner: (op.flags & EPHEMERAL) === 0 ? 0 : stamp.session,
    }
    const children = new Set(parent.children).add(nameOf(path))
    return this.#change([
      [path, node],
      [above, { ...parent, children, created: parent.created + 1, pzxid: zxid }],
    ])
  }

  #change(changed: readonly (readonly [path: string, after: TreeNode | undefined])[]): Change[] {
    return changed.map(([path, after]) => {
      const change: Change = { path, before: this.get(path), after }
      this.apply(change)
      return change
    })
  }
}

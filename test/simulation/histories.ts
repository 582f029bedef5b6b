import fc from 'fast-check'
import type { Transport } from '../../src/engines/zookeeper/session/surroundings.ts'
import { type Acl, Op, type ReadOp, type WriteOp } from '../../src/testing/simulation/protocol.ts'
import type { Answer } from '../../src/testing/simulation/raw-answer.ts'
import { type Asked, RawClient } from '../../src/testing/simulation/raw-client.ts'

/** What one of the clients does: asks for several things at once, or comes again with its session. */
export type Step =
  | { readonly client: number; readonly ask: readonly Asked[] }
  | { readonly client: number; readonly end: 'close the session' | 'too large a request' }
  | { readonly client: number; readonly reconnect: 'same session' | 'wrong password' | 'from the future' }

const CLIENTS = 3
const TOO_LARGE = Buffer.alloc(1_050_000)
/** Paths are below this node; another one in each performance. */
const TOP = '/s/t'

const path = fc
  .constantFrom('', '/a', '/b', '/c', '/a/x', '/a/y', '/b/x', '/a/x/deep')
  .map(tail => TOP + tail)
const oddPath = fc.oneof(
  { weight: 30, arbitrary: path },
  { weight: 1, arbitrary: fc.constantFrom('/s/t//a', '/s/t/a/', 't', '') },
)
const data = fc.oneof(
  fc.constantFrom(null, Buffer.alloc(0)),
  fc.string({ maxLength: 8 }).map(text => Buffer.from(text)),
)
const version = fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, fc.integer({ min: 0, max: 3 }))
const ACLS: readonly (readonly Acl[])[] = [
  [{ perms: 31, scheme: 'world', id: 'anyone' }],
  [{ perms: 1, scheme: 'world', id: 'anyone' }],
  [{ perms: 30, scheme: 'world', id: 'anyone' }],
  [{ perms: 31, scheme: 'auth', id: '' }],
  [],
]
const acl = fc.oneof({ weight: 8, arbitrary: fc.constant(ACLS[0]!) }, fc.constantFrom(...ACLS))
const flags = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.constantFrom(1, 2, 3))

const write: fc.Arbitrary<WriteOp> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constantFrom(Op.create, Op.create2), path: oddPath, data, acl, flags }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant(Op.setData), path: oddPath, data, version }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant(Op.delete), path: oddPath, version }) },
)
const check: fc.Arbitrary<WriteOp> = fc.record({ type: fc.constant(Op.check), path, version })

const read = (...types: ReadOp['type'][]): fc.Arbitrary<ReadOp> =>
  fc.record({ type: fc.constantFrom(...types), path, watch: fc.boolean() })

const asked: fc.Arbitrary<Asked> = fc.oneof(
  { weight: 12, arbitrary: write },
  { weight: 8, arbitrary: read(Op.getData, Op.exists, Op.getChildren, Op.getChildren2) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant(Op.multi),
      ops: fc.array(fc.oneof({ weight: 8, arbitrary: write }, check), { maxLength: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant(Op.multiRead),
      ops: fc.array(
        read(Op.getData, Op.getChildren).map(op => ({ ...op, watch: false })),
        { maxLength: 4 },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant(Op.sync), path }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant(Op.addWatch), path, mode: fc.constantFrom(0, 1) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant(Op.removeWatches), path, mode: fc.constant(3) }) },
)

/** Answered out of turn, so never together with others. */
const credentials: fc.Arbitrary<Asked> = fc.record({
  type: fc.constant(Op.auth),
  scheme: fc.constant('digest'),
  auth: fc.constantFrom(Buffer.from('alice:1'), Buffer.from('bob:2')),
})

const client = fc.nat({ max: CLIENTS - 1 })

export const histories: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.record({ client, ask: fc.array(asked, { minLength: 1, maxLength: 4 }) }) },
    { weight: 1, arbitrary: fc.record({ client, ask: fc.tuple(credentials) }) },
    {
      weight: 1,
      arbitrary: fc.record({ client, end: fc.constantFrom('close the session', 'too large a request') }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        client,
        reconnect: fc.constantFrom('same session', 'wrong password', 'from the future'),
      }),
    },
  ),
  { minLength: 1, maxLength: 25 },
)

/** Where a history is performed. */
export interface Place {
  open(): Transport
  /** Waits, while time passes there. */
  settled<T>(promise: Promise<T>): Promise<T>
}

const creation = (path: string, data: Buffer | null): Asked => ({
  type: Op.create,
  path,
  data,
  acl: ACLS[0]!,
  flags: 0,
})

/** A request at `top`. */
function at(top: string, asked: Asked): Asked {
  const move = (path: string): string => (path.startsWith(TOP) ? top + path.slice(TOP.length) : path)
  if ('ops' in asked) return { ...asked, ops: asked.ops.map(op => ({ ...op, path: move(op.path) })) } as Asked
  return 'path' in asked ? { ...asked, path: move(asked.path) } : asked
}

/** Performs a history, one step after the other, and tells what each client saw, in order; zxids count from its beginning. */
export async function perform(
  history: readonly Step[],
  { open, settled }: Place,
  top: string,
): Promise<unknown[][]> {
  const shown = (path: string): string => path.replace(/^\/s\d+/, '/s')
  const seen: unknown[][] = Array.from({ length: CLIENTS }, () => [])
  let base = 0
  const relative = (answer: Answer | undefined): unknown =>
    answer === undefined
      ? 'lost'
      : JSON.parse(JSON.stringify(answer), (name, value) => {
          if (/zxid$/.test(name) && value > 0) return value - base
          return name === 'path' ? shown(value) : value
        })
  const connect = async (i: number, resume?: RawClient['session'], lastZxid = 0, password?: Buffer) => {
    const next = new RawClient(open(), {
      // None expires while others look.
      timeout: 1_200_000,
      lastZxid,
      resume: resume && { session: resume.id, password: password ?? resume.password },
      // In a microtask, as answers are.
      onEvent: (type, path) => queueMicrotask(() => seen[i]!.push({ event: type, path: shown(path) })),
    })
    seen[i]!.push(await settled(next.opened))
    return next
  }
  const clients: RawClient[] = []
  for (let i = 0; i < CLIENTS; i++) clients.push(await connect(i))
  const first = await settled(clients[0]!.ask({ type: Op.exists, path: '/', watch: false }))
  base = first!.zxid
  for (const made of [top.slice(0, top.lastIndexOf('/')), top]) {
    seen[0]!.push(relative(await settled(clients[0]!.ask(creation(made, null)))))
  }
  for (const step of history) {
    const i = step.client
    const current = clients[i]!
    if ('ask' in step) {
      const answers = step.ask.map(request =>
        current.ask(at(top, request)).then(answer => {
          seen[i]!.push(relative(answer))
        }),
      )
      await settled(Promise.all(answers))
    } else if ('end' in step) {
      const request: Asked =
        step.end === 'close the session' ? { type: Op.closeSession } : creation(top, TOO_LARGE)
      seen[i]!.push(relative(await settled(current.ask(request))))
    } else if (current.session !== undefined) {
      current.destroy()
      const wrong = step.reconnect === 'wrong password' ? Buffer.alloc(16, 7) : undefined
      const zxid = step.reconnect === 'from the future' ? base + 1_000_000 : 0
      clients[i] = await connect(i, current.session, zxid, wrong)
    }
    // What others are told of it is then told.
    for (const each of clients) await settled(each.ask({ type: Op.exists, path: '/', watch: false }))
  }
  for (const each of clients) {
    await settled(each.ask({ type: Op.closeSession }))
    each.destroy()
  }
  return seen
}

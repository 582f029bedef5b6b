import { firstValueFrom, type Observable, take, timeout, toArray } from 'rxjs'
import { json, KVError, type KVErrorCode, type KVStore, zookeeperStore } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import { ScriptedServer } from '../zookeeper/scripted-server.ts'
import { oblige } from './support/answers.ts'
import { until } from './support/until.ts'

/*
 * Whatever code a server answers with: a typed error for that operation, no harm to others, the process alive.
 * (Quotas, permissions and credentials of real servers: test/zookeeper/writes.test.ts and store.test.ts.)
 */

const operations: Record<string, (store: KVStore<number>) => Observable<unknown>> = {
  get$: store => store.get$('k'),
  entryAll$: store => store.entryAll$(['k', 'l']),
  put$: store => store.put$('k', 1),
  'put$ if': store => store.put$('k', 1, { ifVersion: 0 }),
  'put$ if absent': store => store.put$('k', 1, { ifVersion: 'absent' }),
  putAll$: store =>
    store.putAll$([
      ['k', 1],
      ['l', 2],
    ]),
  delete$: store => store.delete$('k'),
  deleteAll$: store => store.deleteAll$(['k', 'l']),
  update$: store => store.update$('k', (count = 0) => count + 1),
  transact$: store => store.transact$([{ type: 'delete', key: 'k', ifVersion: 0 }]),
  entries$: store => store.entries$().pipe(toArray()),
  keys$: store => store.keys$().pipe(toArray()),
  watch$: store => store.watch$('k').pipe(take(1)),
  changes$: store => store.changes$().pipe(take(1)),
}

/** Those that begin with a watch. */
const FOLLOWING = ['watch$', 'changes$']

/** Codes of ZooKeeper that end nothing but the request, with what becomes of them; and some that nobody knows. */
const codes: readonly (readonly [code: number, expected: KVErrorCode])[] = [
  [-1, 'ENGINE'],
  [-2, 'ENGINE'],
  [-3, 'ENGINE'],
  [-5, 'ENGINE'],
  [-6, 'UNSUPPORTED'],
  [-8, 'ENGINE'],
  [-13, 'ENGINE'],
  [-14, 'ENGINE'],
  [-100, 'ENGINE'],
  [-102, 'AUTH'],
  [-108, 'ENGINE'],
  [-114, 'ENGINE'],
  [-119, 'ENGINE'],
  [-120, 'ENGINE'],
  [-122, 'ENGINE'],
  [-123, 'ENGINE'],
  [-125, 'QUOTA'],
  [-126, 'ENGINE'],
  [-4711, 'ENGINE'],
  [17, 'ENGINE'],
]

const open = (servers: string): KVStore<number> =>
  zookeeperStore({ servers, root: '/', value: json<number>(), timeout: 20_000 })

// Each has a server of its own, and waits for most of its time.
describe.concurrent('an answer with an error code', () => {
  for (const [name, operation] of Object.entries(operations)) {
    it(`ends ${name} with a typed error, and nothing else`, async () => {
      await using server = await ScriptedServer.start()
      await using store = open(server.servers)
      for (const [code, expected] of codes) {
        let refused = 0
        server.script.answer = asked => {
          refused++
          asked.reply(code)
        }
        const outcome = firstValueFrom(operation(store)).catch((thrown: unknown) => thrown)
        if (FOLLOWING.includes(name) && expected !== 'AUTH' && expected !== 'UNSUPPORTED') {
          // A watch is asked for again, until it is there.
          await until('it is refused', () => refused > 0)
          server.script.answer = asked => oblige(asked, Buffer.from('7'))
          expect(await outcome).not.toBeInstanceOf(Error)
          continue
        }
        const error = await outcome
        expect(error, `${code}`).toBeInstanceOf(KVError)
        // A stream that can be read on waits for what passes with time.
        expect([code, (error as KVError).code]).toEqual([code, expected])
        server.script.answer = asked => oblige(asked, Buffer.from('7'))
        expect(await firstValueFrom(store.get$('k'))).toBe(7)
      }
      expect(server.connections).toBe(1)
    })

    it(`that ends the connection makes ${name} go again on the next`, async () => {
      for (const code of [-4, -7, -12, -112, -118, -124]) {
        let refused = 0
        await using server = await ScriptedServer.start({
          answer: asked => (refused++ === 0 ? asked.reply(code) : oblige(asked, Buffer.from('7'))),
        })
        await using store = open(server.servers)
        // A server whose answers say nothing of writes leaves it unknown what was done, or has what is not expected.
        const outcome = await firstValueFrom(operation(store)).catch((error: KVError) => error.code)
        if (typeof outcome === 'string') expect(['INDETERMINATE', 'VERSION_CONFLICT']).toContain(outcome)
        expect(server.connections).toBe(2)
      }
    })

    it(`that asks for patience delays ${name}`, async () => {
      let refused = 0
      await using server = await ScriptedServer.start({
        answer: asked => (refused++ < 3 ? asked.reply(-127) : oblige(asked, Buffer.from('7'))),
      })
      await using store = open(server.servers)
      await firstValueFrom(operation(store).pipe(timeout(15_000)))
      expect([refused > 3, server.connections]).toEqual([true, 1])
    })
  }
})

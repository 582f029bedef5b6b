import { firstValueFrom, type Observable } from 'rxjs'
import { json, KVError, type KVStore, zookeeperStore } from 'rxkeeper'
import { startProxy } from 'rxkeeper/testing'
import { describe, expect, it } from 'vitest'
import { ScriptedServer } from '../zookeeper/scripted-server.ts'
import { oblige } from './support/answers.ts'
import { patience } from './support/knobs.ts'
import { until } from './support/until.ts'

/*
 * Every operation settles within its own deadline, whatever else is under way, and what may wait is bounded.
 */

const LONG = { timeout: 60_000 }
const SHORT = { timeout: 100 }

/** A store on a server that takes requests and answers none. */
async function stuck(): Promise<{ store: KVStore<number>; scripted: ScriptedServer } & AsyncDisposable> {
  const asked: unknown[] = []
  const scripted = await ScriptedServer.start({ answer: each => void asked.push(each) })
  const store = zookeeperStore({ servers: scripted.servers, root: '/', value: json<number>() })
  // Something of this key is under way.
  const first = firstValueFrom(store.put$('k', 1, LONG)).catch(() => {})
  await until('it is asked', () => asked.length > 0)
  return {
    store,
    scripted,
    [Symbol.asyncDispose]: async () => {
      scripted.reset()
      await Promise.all([store.close(), first])
      await scripted[Symbol.asyncDispose]()
    },
  }
}

const codeOf = (answer: Observable<unknown>): Promise<string> =>
  firstValueFrom(answer).then(
    () => 'done',
    error => (error as KVError).code,
  )

// Each has a server of its own, and waits for most of its time.
describe.concurrent('behind an operation of the same key that takes its time', () => {
  const operations: Record<string, (store: KVStore<number>) => Observable<unknown>> = {
    get$: store => store.get$('k', SHORT),
    getAll$: store => store.getAll$(['other', 'k'], SHORT),
    put$: store => store.put$('k', 2, SHORT),
    'put$ if': store => store.put$('k', 2, { ifVersion: 1, ...SHORT }),
    putAll$: store =>
      store.putAll$(
        [
          ['other', 2],
          ['k', 2],
        ],
        SHORT,
      ),
    delete$: store => store.delete$('k', SHORT),
    deleteAll$: store => store.deleteAll$(['other', 'k'], SHORT),
    update$: store => store.update$('k', value => value, SHORT),
    transact$: store => store.transact$([{ type: 'check', key: 'k', ifVersion: 1 }], SHORT),
  }
  for (const [name, operation] of Object.entries(operations)) {
    it(`${name} ends in its own time`, async () => {
      await using setting = await stuck()
      // Of what was not sent it is certain that it was not done.
      expect(['TIMEOUT', 'INDETERMINATE']).toContain(await codeOf(operation(setting.store)))
    })
  }

  it('update$ ends in its own time behind another update$', async () => {
    await using setting = await stuck()
    const first = codeOf(setting.store.update$('other', value => value, LONG))
    expect(await codeOf(setting.store.update$('other', value => value, SHORT))).toBe('TIMEOUT')
    setting.scripted.reset()
    await Promise.all([setting.store.close(), first])
  })

  it('update$ does not share the short time of another', async () => {
    await using setting = await stuck()
    const { store, scripted } = setting
    const hasty = codeOf(store.update$('other', value => value, SHORT))
    const patient = codeOf(store.update$('other', () => undefined, LONG))
    expect(await hasty).toBe('TIMEOUT')
    // Answers every read with a value; a delete of it with success.
    scripted.script.answer = asked => oblige(asked, Buffer.from('7'))
    scripted.reset()
    expect(await patient).toBe('done')
  })
})

describe('what waits for a connection', () => {
  it(
    'is bounded in number: UNAVAILABLE beyond it, in a later turn, so that who asks again at once keeps nothing away',
    async () => {
      await using scripted = await ScriptedServer.start({ answer: asked => oblige(asked, Buffer.from('7')) })
      await using proxy = await startProxy(scripted.servers)
      proxy.set({ connect: 'reset' })
      await using store = zookeeperStore({
        servers: proxy.servers,
        root: '/',
        value: json<number>(),
        timeout: 60_000,
      })
      const keys = Array.from({ length: 100_000 }, (_, i) => `k${i}`)
      const many = firstValueFrom(store.getAll$(keys))
      // What is handed to the engine makes room for some more.
      const fill = () =>
        Promise.race(Array.from({ length: 20_000 }, (_, i) => codeOf(store.get$(`more${i}`))))
      expect(await fill()).toBe('UNAVAILABLE')
      expect(await fill()).toBe('UNAVAILABLE')
      const codes = new Set<string>()
      let refused = 0
      for (;;) {
        const code = await codeOf(store.get$('one more'))
        if (code === 'done') break
        codes.add(code)
        if (++refused === 1000) proxy.set()
      }
      expect(codes).toEqual(new Set(['UNAVAILABLE']))
      expect((await many).size).toBe(keys.length)
    },
    patience,
  )

  it('is bounded in number for one key, too', async () => {
    await using setting = await stuck()
    setting.scripted.reset()
    setting.scripted.script.greet = ({ socket }) => socket.resetAndDestroy()
    const { store } = setting
    await until('it is away', async () => (await firstValueFrom(store.status$)).state !== 'connected')
    const refused = new Promise(resolve => {
      for (let i = 0; i < 100_010; i++) store.put$('k', i, LONG).subscribe({ error: resolve })
    })
    expect(await refused).toBeInstanceOf(KVError)
    expect(await refused).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('is bounded in bytes', async () => {
    await using setting = await stuck()
    setting.scripted.reset()
    setting.scripted.script.greet = ({ socket }) => socket.resetAndDestroy()
    await using store = zookeeperStore({
      servers: setting.scripted.servers,
      root: '/',
      value: json<string>(),
    })
    const value = 'x'.repeat(1_000_000)
    const codes = new Set<string>()
    let waiting = 0
    const refused = new Promise<void>(resolve => {
      for (let i = 0; i < 70; i++) {
        waiting++
        store.put$(`k${i}`, value, LONG).subscribe({
          error: (error: KVError) => {
            codes.add(error.code)
            waiting--
            resolve()
          },
        })
      }
    })
    await refused
    expect(codes).toEqual(new Set(['UNAVAILABLE']))
    expect(waiting).toBeGreaterThan(60)
  })
})

import { firstValueFrom } from 'rxjs'
import { expect, it } from 'vitest'
import { text, zookeeperStore } from '../../src/index.ts'
import { changed, MULTI_READ, oblige } from '../faults/support/answers.ts'
import { until } from '../faults/support/until.ts'
import { type Asked, ScriptedServer } from './scripted-server.ts'

/*
 * A read that is too large for one answer comes in several: what changes in between is signalled between them.
 */

const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)

/** A server that holds the answers to reads back until they are released. */
async function holding() {
  const held: Asked[] = []
  const server = await ScriptedServer.start({
    answer: asked => (asked.type === MULTI_READ ? void held.push(asked) : oblige(asked)),
  })
  return {
    server,
    held,
    /** Answers the first read, signals a change of `k0`, answers the others, and what comes after with the new value. */
    async release() {
      await until('something is read', () => held.length > 0)
      const first = held.shift()!
      oblige(first, Buffer.from('old'))
      first.socket.write(changed('/k0'))
      server.script.answer = asked => oblige(asked, Buffer.from('new'), 6n)
      for (const asked of held) oblige(asked, Buffer.from('old'))
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

it('a cache keeps nothing that was overtaken', async () => {
  await using scripted = await holding()
  await using store = zookeeperStore({
    servers: scripted.server.servers,
    root: '/',
    value: text,
    cache: 1000,
    timeout: 20_000,
  })
  const all = firstValueFrom(store.getAll$(keys))
  await scripted.release()
  expect((await all).size).toBe(100)
  expect(await firstValueFrom(store.get$('k0'))).toBe('new')
})

it('a watch ends on what is there', async () => {
  await using scripted = await holding()
  await using store = zookeeperStore({
    servers: scripted.server.servers,
    root: '/',
    value: text,
    timeout: 20_000,
  })
  const values: (string | undefined)[] = []
  for (const key of keys) {
    const watch$ = store.watch$(key)
    watch$.subscribe(value => key === 'k0' && values.push(value))
  }
  await scripted.release()
  await until('the new value is shown', () => values.at(-1) === 'new', 20_000)
})

import { lastValueFrom, toArray } from 'rxjs'
import { json, type KVStore, zookeeperStore } from 'rxkeeper'
import { expect, it } from 'vitest'
import { Child } from './support/child.ts'
import { finalOf, PARTITIONS, pipelines } from './support/clicks.ts'
import { patience, times } from './support/knobs.ts'
import { seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until as untilWithin } from './support/until.ts'

/*
 * Windows, sessions and joins in processes that are killed (-9), frozen beyond their session (SIGSTOP) and woken again, and
 * added: each result is written once, by the commit in which it is final, and is what a model comes to.
 */

/** The limit only ends what hangs: processes start slowly on a machine that is busy. */
const until = (what: string, holds: () => Promise<boolean>): Promise<void> =>
  untilWithin(what, holds, patience / 2)

const PREFIX = 'result '
type Name = keyof typeof pipelines
const NAMES = Object.keys(pipelines) as Name[]

const resultsOf = async (store: KVStore<never>): Promise<string[]> => {
  const keys = await lastValueFrom(store.keys$({ prefix: PREFIX }).pipe(toArray()))
  return keys.map(key => key.slice(PREFIX.length)).sort()
}

it(
  'every result is final once, whichever process is killed, frozen, or added',
  async () => {
    await using server = await startServer()
    const random = seeded('final')
    const count = times(500, 6000)
    const root = '/final'
    const open = (name: Name): KVStore<never> =>
      zookeeperStore({
        servers: server.servers,
        root: `${root}/${name}`,
        value: json<never>(),
        consistency: 'linearizable',
      })
    await using windows = open('windows')
    await using sessions = open('sessions')
    await using joins = open('joins')
    const storeOf = { windows, sessions, joins }
    const expected = (name: Name): string[] =>
      PARTITIONS.flatMap(partition =>
        finalOf(partition, count)[name].map(result => `${partition} ${result}`),
      ).sort()
    const total = expected('windows').length
    const written = async () => (await resultsOf(storeOf.windows)).length

    const all: Child[] = []
    const start = (): Child => {
      const child = new Child('final.ts', [server.servers, root, `${count}`])
      all.push(child)
      return child
    }
    const complaints = (): string => all.map(({ complaint }) => complaint).join('')
    const running = [start(), start()]
    try {
      const rounds = times(2, 12)
      for (let round = 1; round <= rounds; round++) {
        const goal = Math.floor((total * round) / (rounds + 1))
        await until(
          `${goal} windows; ${complaints()}`,
          async () => complaints() !== '' || (await written()) >= goal,
        )
        expect(complaints()).toBe('')
        const [child] = running.splice(random.whole(0, running.length - 1), 1) as [Child]
        // One of each at least.
        if (round % 2 === 0) {
          child.signal('SIGSTOP')
          const before = await written()
          running.push(start())
          await until('others go on', async () => (await written()) > before + 4)
          child.signal('SIGCONT')
          running.push(child)
        } else {
          await child.kill()
          running.push(start())
        }
      }
      for (const name of NAMES) {
        const results = expected(name)
        await until(
          `all ${name}; ${complaints()}`,
          async () => complaints() !== '' || (await resultsOf(storeOf[name])).length >= results.length,
        )
        expect(complaints()).toBe('')
      }
      await Promise.all(running.map(child => child.finish()))
      expect(running.map(({ ended }) => ended)).toEqual(running.map(() => 0))
      for (const name of NAMES) expect(await resultsOf(storeOf[name])).toEqual(expected(name))
    } finally {
      for (const child of all) child[Symbol.dispose]()
    }
  },
  patience,
)

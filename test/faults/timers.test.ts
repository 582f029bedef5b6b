import { firstValueFrom, toArray } from 'rxjs'
import { json, openStore } from 'rxkeeper'
import { expect, it } from 'vitest'
import { Child } from './support/child.ts'
import { patience, times } from './support/knobs.ts'
import { seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { expectedOf, PARTITIONS, type Past } from './support/timed.ts'
import { until } from './support/until.ts'

/*
 * Timers in processes that share partitions and are killed (-9), frozen beyond their session (SIGSTOP) and woken again: each fires
 * once in the state, comes out at least once, and what comes of a key is what a model says.
 */

it(
  'timers are neither lost nor fired twice, whichever process is killed or frozen',
  async () => {
    await using server = await startServer()
    const random = seeded('timers')
    const count = times(1000, 10_000)
    const url = `zookeeper://${server.servers}/timers?sessionTimeout=2000`
    const expected = PARTITIONS.map(each => expectedOf(each, count))
    const outputs = new Set(expected.flatMap(({ outputs }) => [...outputs]))
    const all: Child[] = []
    const start = (): Child => {
      const child = new Child('timers.ts', [url, `${count}`])
      all.push(child)
      return child
    }
    const seen = (): Set<string> => new Set(all.flatMap(({ lines }) => lines))
    const complaints = (): string => all.map(({ complaint }) => complaint).join('')
    try {
      const running = [start(), start()]
      const rounds = times(2, 12)
      for (let round = 1; round <= rounds; round++) {
        const goal = Math.floor((outputs.size * round) / (rounds + 2))
        await until(`${goal} outputs; ${complaints()}`, () => complaints() !== '' || seen().size >= goal)
        expect(complaints()).toBe('')
        const [child] = running.splice(random.whole(0, running.length - 1), 1) as [Child]
        if (round % 2 === 0) {
          child.signal('SIGSTOP')
          const before = seen().size
          running.push(start())
          await until('others go on', () => seen().size > before || seen().size === outputs.size)
          child.signal('SIGCONT')
          running.push(child)
        } else {
          await child.kill()
          running.push(start())
        }
      }
      await until(
        `all are at the end; ${complaints()}`,
        () => complaints() !== '' || running.every(({ ended }) => ended !== undefined),
      )
      expect(complaints()).toBe('')
      expect(running.map(({ ended }) => ended)).toEqual(running.map(() => 0))
      const lines = seen()
      expect([...lines].filter(line => !outputs.has(line))).toEqual([])
      expect([...outputs].filter(line => !lines.has(line))).toEqual([])
      await using store = openStore(url, { value: json<Past>() })
      const entries = await firstValueFrom(store.entries$().pipe(toArray()))
      expect(new Map(entries.map(({ key, value }) => [key, value]))).toEqual(
        new Map(expected.flatMap(({ state }) => [...state])),
      )
    } finally {
      for (const child of all) child[Symbol.dispose]()
    }
  },
  patience,
)

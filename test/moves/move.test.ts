import { firstValueFrom, lastValueFrom, type Observable, toArray } from 'rxjs'
import type { KVError, Memory } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import { moveBetween$ } from '../../src/moves/moveStore.ts'
import { memoriesOf } from '../sharded/memories.ts'
import { placeIn, userOf } from './places.ts'

const one = <T>(answer: Observable<T>): Promise<T> => firstValueFrom(answer)

const failureOf = (answer: Observable<unknown>): Promise<KVError> =>
  lastValueFrom(answer, { defaultValue: undefined }).then(
    value => {
      throw new Error(`expected a failure, got ${String(value)}`)
    },
    (error: KVError) => error,
  )

const contentsOf = async (memories: readonly Memory[]): Promise<[string, string][]> => {
  const entries = await one(userOf(memories).entries$().pipe(toArray()))
  return entries.map(({ key, value }) => [key, value])
}

describe.each([
  [1, 1],
  [1, 2],
  [2, 3],
  [3, 1],
])('a move from %i to %i', (many, others) => {
  it('takes all keys along; whoever used the old place is told where they are', async () => {
    const [old, other] = [memoriesOf(many), memoriesOf(others)]
    const user = userOf(old)
    for (let i = 0; i < 2000; i++) await one(user.put$(`key-${i}`, `${i}`))
    const followed: (string | undefined)[] = []
    const error = new Promise<KVError>(resolve => {
      user.watch$('key-1').subscribe({ next: value => followed.push(value), error: resolve })
    })
    const progress = await one(moveBetween$(placeIn('a:', old), placeIn('b:', other)).pipe(toArray()))
    expect(progress.at(-1)).toMatchObject({ phase: 'moved', entries: 2000, copied: 2000 })
    expect(await error).toMatchObject({ code: 'MOVED', movedTo: 'b:' })
    for (const refused of [
      user.get$('key-1'),
      user.put$('x', ''),
      user.entries$(),
      userOf(old).get$('key-1'),
    ]) {
      expect(await failureOf(refused)).toMatchObject({ code: 'MOVED', movedTo: 'b:' })
    }
    expect(await contentsOf(other)).toHaveLength(2000)
    expect(await one(userOf(other).put$('key-1', 'new'))).toMatchObject({ version: 1 })
  })
})

import { from, lastValueFrom, map, of, pipe, range, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { json, type KVStore, lookupKV, Memory, memoryStore, text } from '../../src/index.ts'
import { failureOf, operatorCases } from './cases.ts'
import { logged } from './process.ts'

describe('lookupKV', () => {
  operatorCases({
    make: (store, options) =>
      pipe(
        lookupKV(store, (record: string) => record, options),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      lookupKV(
        store,
        (record: string) => {
          if (record === 'x') throw new Error('boom')
          return record
        },
        { project: record => record },
      ),
  })

  const capitals = async () => {
    const store = memoryStore({ value: text })
    await lastValueFrom(store.putAll$(Object.entries({ France: 'Paris', Peru: 'Lima' })))
    return store
  }

  test('joins each record with what is stored, or undefined', async () => {
    const result$ = of({ to: 'Peru' }, { to: 'Atlantis' }, { to: 'France' }, { to: 'Peru' }).pipe(
      lookupKV(await capitals(), record => record.to),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual([
      [{ to: 'Peru' }, 'Lima'],
      [{ to: 'Atlantis' }, undefined],
      [{ to: 'France' }, 'Paris'],
      [{ to: 'Peru' }, 'Lima'],
    ])
  })

  test('`project` makes the output', async () => {
    const result$ = of('Peru', 'Atlantis').pipe(
      lookupKV(await capitals(), country => country, {
        project: (country, capital = '?') => `${country}: ${capital}`,
        concurrency: 1,
      }),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual(['Peru: Lima', 'Atlantis: ?'])
  })

  test('a throwing `project`: the outputs of the records before, then CALLBACK', async () => {
    const result$ = of('Peru', 'Atlantis', 'France').pipe(
      lookupKV(await capitals(), country => country, { project: (_, capital) => capital!.length }),
    )
    const { error, outputs } = await failureOf(result$)
    expect(outputs).toEqual([4])
    expect(error).toMatchObject({ code: 'CALLBACK', message: expect.stringContaining('`project` threw') })
  })

  test('a value that cannot be decoded fails alone', async () => {
    const memory = new Memory()
    await lastValueFrom(memoryStore({ value: text, memory }).putAll$([['bad', '{']]))
    const store = memoryStore({ value: json<number>(), memory })
    await lastValueFrom(store.put$('good', 1))
    const keys = ['good', 'none', 'bad', 'good']
    const { error, outputs } = await failureOf(from(keys).pipe(lookupKV(store, key => key)))
    expect(outputs).toEqual([
      ['good', 1],
      ['none', undefined],
    ])
    expect(error).toMatchObject({ code: 'CODEC', key: 'bad' })
  })

  const lookUp = (store: KVStore<number>) =>
    lastValueFrom(
      range(0, 1000).pipe(
        map(String),
        lookupKV(store, key => key, { concurrency: 300 }),
      ),
    )

  test('looks up together what arrives together', async () => {
    const { log, store } = logged()
    await lookUp(store)
    expect(log.map(read => read.split(' ').length - 1)).toEqual([300, 300, 300, 100])
  })
})

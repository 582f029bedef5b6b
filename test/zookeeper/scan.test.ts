import fc from 'fast-check'
import { firstValueFrom } from 'rxjs'
import { startProxy } from 'rxkeeper/testing'
import { describe, expect, it } from 'vitest'
import type { Engine, KeySpan, Scan } from '../../src/contract/engine.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, openEngine, put, reached, valuesOf, within } from './opening.ts'

const next = <P>(scan: Scan<P>) => firstValueFrom(scan.next(within(20_000)))

async function all<P>(scan: Scan<P>): Promise<P[]> {
  const found: P[] = []
  for (let page = await next(scan); page.length > 0; page = await next(scan)) found.push(...page)
  return found
}

async function fill(engine: Engine, keys: readonly string[], value: string | Buffer = 'v'): Promise<void> {
  for (let i = 0; i < keys.length; i += 100) {
    await firstValueFrom(
      engine.write(
        keys.slice(i, i + 100).map(key => put(key, value)),
        within(20_000),
      ),
    )
  }
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `key-${String(i).padStart(5, '0')}`)

describe('scans', () => {
  it('give the keys and entries of any span, in order and in reverse', async () => {
    const parts = fc.constantFrom('a', 'b', '/', '%', '.', '\0', 'é', '\uffff', '😀', 'zookeeper')
    const keys = fc.array(parts, { minLength: 1, maxLength: 3 }).map(list => list.join(''))
    const spans = fc.record<KeySpan>(
      {
        from: fc.option(keys, { nil: undefined }),
        to: fc.option(keys, { nil: undefined }),
        reverse: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(keys, { maxLength: 30 }),
        fc.array(spans, { maxLength: 5 }),
        async (present, asked) => {
          await using engine = openEngine(servers, { root: freshRoot('scan') })
          const model = new MemoryEngine(new Memory())
          await fill(engine, present)
          await fill(model, present)
          for (const span of asked) {
            expect(await all(engine.keys(span))).toEqual(await all(model.keys(span)))
            const entries = async (from: Engine) =>
              (await all(from.entries(span))).map(({ key, version }) => [key, version])
            expect(await entries(engine)).toEqual(await entries(model))
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('give many keys by pages, and leave out what goes meanwhile', async () => {
    await using engine = openEngine(servers, { root: freshRoot('scan') })
    const keys = numbered(3000)
    await fill(engine, keys)
    expect(await all(engine.keys({}))).toEqual(keys)
    expect((await all(engine.entries({ reverse: true }))).map(({ key }) => key)).toEqual(keys.toReversed())
    const scan = engine.entries({})
    const first = await next(scan)
    expect(first.length).toBeLessThan(1000)
    // Further on than what is read ahead.
    const gone = keys.slice(2000)
    for (let i = 0; i < gone.length; i += 100) {
      const deletes = gone.slice(i, i + 100).map(key => ({ type: 'delete', key }) as const)
      await firstValueFrom(engine.write(deletes, within(20_000)))
    }
    const rest = await all(scan)
    expect([...first, ...rest].map(({ key }) => key)).toEqual(keys.slice(0, 2000))
  })

  it('can be pulled from within the emission of a page', async () => {
    await using engine = openEngine(servers, { root: freshRoot('scan') })
    const keys = numbered(2500)
    await fill(engine, keys)
    for (const scan of [engine.keys({}), engine.entries({})] as Scan<unknown>[]) {
      const found = await new Promise<number>((resolve, reject) => {
        let count = 0
        const pull = () =>
          void scan.next(within(20_000)).subscribe({
            next: page => {
              count += page.length
              if (page.length === 0) resolve(count)
              else pull()
            },
            error: reject,
          })
        pull()
      })
      expect(found).toBe(keys.length)
    }
  })

  it('of large values ask for few at a time', async () => {
    await using proxy = await startProxy(servers)
    const root = freshRoot('scan')
    await using writer = openEngine(servers, { root })
    const keys = numbered(60)
    for (const key of keys) await fill(writer, [key], Buffer.alloc(500_000, key))
    await using engine = openEngine(proxy.servers, { root })
    await reached(engine, 'connected')
    const scan = engine.entries({})
    const pages: number[] = []
    for (let page = await next(scan); page.length > 0; page = await next(scan)) pages.push(page.length)
    expect(pages.reduce((sum, length) => sum + length, 0)).toBe(60)
    expect(Math.max(...pages)).toBeLessThanOrEqual(32)
    expect(pages.length).toBeGreaterThan(3)
  })

  it('go on with a page that was read ahead in vain while nobody asked', async () => {
    await using proxy = await startProxy(servers)
    await using engine = openEngine(proxy.servers, { root: freshRoot('scan') })
    const keys = numbered(1000)
    await fill(engine, keys)
    const scan = engine.entries({})
    const first = await firstValueFrom(scan.next(within(200)))
    proxy.set({ connect: 'hang' })
    proxy.reset()
    await new Promise(resolve => setTimeout(resolve, 400))
    proxy.set()
    proxy.reset()
    const rest = await all(scan)
    expect([...first, ...rest].map(({ key }) => key)).toEqual(keys)
  })

  it('end with the time of the page that is asked for', async () => {
    await using proxy = await startProxy(servers)
    await using engine = openEngine(proxy.servers, { root: freshRoot('scan') })
    await fill(engine, numbered(1000))
    const [keys, entries] = [engine.keys({}), engine.entries({})]
    proxy.set({ toClient: { cut: true } })
    expect((await failureOf(keys.next(within(200)))).code).toBe('TIMEOUT')
    expect((await failureOf(entries.next(within(200)))).code).toBe('TIMEOUT')
    proxy.set()
    proxy.reset()
    expect(await all(keys)).toHaveLength(1000)
  })

  it('are over once closed', async () => {
    await using engine = openEngine(servers, { root: freshRoot('scan') })
    await fill(engine, numbered(500))
    const scan = engine.entries({})
    await next(scan)
    scan.close()
    expect(await next(scan)).toEqual([])
    expect(await valuesOf(engine, 'key-00000')).toEqual(['v'])
  })
})

import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { catchError, firstValueFrom, lastValueFrom, of, toArray } from 'rxjs'
import {
  bytes,
  createMeter,
  encrypted,
  json,
  Memory,
  memoryStore,
  meterStore,
  openKeyring,
  publishFigures,
} from 'rxkeeper'
import { expect, test } from 'vitest'

const secret = randomBytes(32)
const other = randomBytes(32)

/** All forms in which a key could be told. */
const forms = [secret, other].flatMap(key => [
  key.toString('hex'),
  key.toString('base64').slice(0, 40),
  key.toString('base64url').slice(0, 40),
  key.toString('latin1'),
  [...key].join(','),
  [...key].join(', '),
  inspect(key).slice(8, 40),
])

/** As JSON, where it has such a form. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return ''
  }
}

const shown = (value: unknown): string =>
  [
    inspect(value, {
      depth: 10,
      showHidden: true,
      getters: true,
      maxArrayLength: null,
    }),
    String(value),
    asJson(value),
    value instanceof Error ? `${value.stack} ${JSON.stringify(Object.getOwnPropertyDescriptors(value))}` : '',
  ].join('\n')

function expectNothingOf(value: unknown): void {
  const said = shown(value).toLowerCase()
  for (const form of forms) expect(said).not.toContain(form.toLowerCase())
}

const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  )

test('the search finds a key where it is told', () => {
  expect(() => expectNothingOf(new Error(secret.toString('hex')))).toThrow()
  expect(() => expectNothingOf({ key: secret })).toThrow()
})

test('no key is told by what has it, nor by an error', async () => {
  const keyring = await openKeyring({ current: 'k1', key: id => ({ k1: secret, k2: other })[id] })
  await keyring.use('k2')
  const codec = encrypted(json<number>(), keyring)
  const memory = new Memory()
  await using store = memoryStore({ value: codec, memory, cache: 10 })
  await using raw = memoryStore({ value: bytes, memory })
  await firstValueFrom(store.put$('a', 1))
  const sealed = await firstValueFrom(raw.get$('a'))
  await firstValueFrom(raw.put$('b', sealed!))
  await firstValueFrom(raw.put$('c', Buffer.from('plain')))
  await firstValueFrom(
    raw.put$('d', encrypted(json(), { keys: { k3: secret }, current: 'k3' }).encode(1, 'd')),
  )
  for (const each of [keyring, codec, store, memory]) expectNothingOf(each)
  for (const key of ['b', 'c', 'd']) expectNothingOf(await failure(firstValueFrom(store.get$(key))))
  for (const wrong of [secret.subarray(1), secret.toString('hex'), [...secret], { secret }]) {
    const open = openKeyring({ current: 'k1', key: () => wrong as never })
    expectNothingOf(await failure(open))
    expectNothingOf(
      await failure((async () => encrypted(json(), { keys: { k1: wrong as never }, current: 'k1' }))()),
    )
    expectNothingOf(
      await failure((async () => encrypted(json(), { keys: { k1: secret }, current: wrong as never }))()),
    )
  }
  expectNothingOf([process.title, process.argv, process.env])
})

test('figures tell of neither keys nor values, and are encrypted themselves', async () => {
  const memory = new Memory()
  const codec = encrypted(json<unknown>(), { keys: { k1: secret }, current: 'k1' })
  await using store = memoryStore({ value: codec, memory })
  await using raw = memoryStore({ value: bytes, memory })
  using records = createMeter({ store })
  await using published = publishFigures(
    store,
    'words',
    { records, store: meterStore(store) },
    { interval: 10 },
  )
  await firstValueFrom(store.put$('a', 'the secret of Ann'))
  await expect.poll(() => firstValueFrom(raw.get$(published.key)), { timeout: 30_000 }).toBeDefined()
  const entries = await lastValueFrom(raw.entries$().pipe(toArray()))
  for (const { value } of entries) {
    expect(Buffer.from(value).toString('latin1')).not.toMatch(/secret of|throughput/)
    expectNothingOf(Buffer.from(value).toString('latin1'))
  }
  const figures = await firstValueFrom(store.get$(published.key).pipe(catchError(() => of(undefined))))
  expect(figures).toMatchObject({ name: 'words' })
  expectNothingOf(figures)
  expect(shown(figures)).not.toContain('secret of')
})

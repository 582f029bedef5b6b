import { firstValueFrom } from 'rxjs'
import { expect } from 'vitest'
import { findViolation } from './linearizable.ts'
import { byVersion, findMiscount, findStaleView, findStepBack, type Values } from './order.ts'
import { contentOf, type Held } from './truth.ts'
import { until } from './until.ts'
import type { Workload } from './workload.ts'

/** What a key holds in the end, as `watch$` tells. */
const idOf = (held: Held | undefined): string | undefined => held && JSON.parse(held.data).id

/**
 * Compares all that the clients of a finished workload were told with each other and with the ensemble's content, read
 * by another client. Gives some figures.
 */
export async function verify(
  workload: Workload,
  servers: string,
  root: string,
): Promise<Record<string, number>> {
  const truth = await contentOf(servers, root)
  expect(workload.surprises).toEqual([])
  for (const client of workload.clients) expect([client.name, client.surprises]).toEqual([client.name, []])

  await viewersArrive(workload, truth)
  let operations = 0
  let unknown = 0
  for (const key of workload.history.keys) {
    const history = workload.history.of(key)
    operations += history.length
    unknown += history.filter(({ ended }) => ended === Number.POSITIVE_INFINITY).length
    // The last word has who reads the ensemble.
    const held = truth.get(key)
    const found = held && { value: idOf(held)!, version: held.version }
    const now = workload.history.tick()
    const last = {
      client: 'truth',
      action: { type: 'read', found } as const,
      begun: now,
      ended: workload.history.tick(),
    }
    const violation = findViolation([...history.filter(({ mayBeOld }) => !mayBeOld), last])
    if (violation !== undefined) throw new Error(`${key}: ${violation}\n${story(workload, key)}`)
    if (key.startsWith('register')) verifyRegister(workload, key, held!)
  }
  for (const [key, { committed, open }] of workload.lives) {
    if (!open) expect(idOf(truth.get(key)), key).toBe(committed.at(-1))
    else expect([committed.at(-1), committed.at(-2)], key).toContain(idOf(truth.get(key)))
    // Where it is not known whether the last was carried out, it may show late, or not.
    const all = open ? [...committed, committed.at(-2), committed.at(-1)] : committed
    for (const watcher of workload.watchers) expect(findStepBack(watcher.log(key), all), key).toBeUndefined()
    for (const follower of workload.followers) {
      const log = follower.log(key).map(state => state?.value)
      expect(findStepBack(log, all), key).toBeUndefined()
    }
  }
  return {
    operations,
    unknown,
    losses: workload.clients.reduce((sum, { losses }) => sum + losses, 0),
    synced: workload.followers.reduce((sum, { synced }) => sum + synced, 0),
    lives: workload.lives.size,
  }
}

/** Waits until what is shown is what there is; that it never comes to be so is the failure. */
async function viewersArrive(workload: Workload, truth: ReadonlyMap<string, Held>): Promise<void> {
  const late = new Map<string, unknown>()
  const shown = (): boolean => {
    // Nobody who has ended will ever arrive.
    for (const viewer of [...workload.watchers, ...workload.followers]) expect(viewer.surprises).toEqual([])
    late.clear()
    for (const [i, follower] of workload.followers.entries()) {
      for (const key of new Set([...follower.fold.keys(), ...truth.keys()])) {
        const held = follower.fold.get(key)
        const real = truth.get(key)
        if (held?.data !== real?.data || held?.version !== real?.version)
          late.set(`changes$ ${i} of ${key}`, [held, real])
      }
    }
    for (const [i, watcher] of workload.watchers.entries()) {
      for (const key of watcher.keys) {
        const last = watcher.log(key).at(-1)
        if (watcher.log(key).length === 0 || last !== idOf(truth.get(key)))
          late.set(`watch$ ${i} of ${key}`, last)
      }
    }
    return late.size === 0
  }
  await until(
    () =>
      `the viewers show what there is; they differ in ${[...late.keys()].join(', ')}: ` +
      JSON.stringify([...late.values()].slice(0, 5)),
    shown,
    30_000,
  )
  const cached = workload.store('cora')
  for (const [key, { data, version }] of truth) {
    for (const read of ['first', 'second']) {
      const entry = await firstValueFrom(cached.entry$(key))
      expect([read, JSON.stringify(entry?.value), entry?.version]).toEqual([read, data, version])
    }
  }
}

function verifyRegister(workload: Workload, key: string, held: Held): void {
  const history = workload.history.of(key)
  const seen = workload.followers.flatMap(follower => follower.log(key))
  const values = byVersion(history, [...seen, { value: idOf(held)!, version: held.version }])
  expect(findStaleView(history), key).toBeUndefined()
  const replaced = new Map(workload.clients.flatMap(client => [...client.replaced]))
  for (const [version, value] of values.entries()) {
    const before = values[version - 1]
    if (value !== undefined && before !== undefined)
      expect([value, replaced.get(value)]).toEqual([value, before])
  }
  // Those of which nobody saw the version have no place.
  const placed = (log: Values): Values => log.filter(value => value === undefined || values.includes(value))
  for (const watcher of workload.watchers) {
    expect(findStepBack(placed(watcher.log(key)), [undefined, ...values]), key).toBeUndefined()
  }
  for (const follower of workload.followers) {
    const log = follower.log(key).map(state => state?.value)
    expect(findStepBack(log, [undefined, ...values]), key).toBeUndefined()
  }
  const writes = history.filter(({ action }) => action.type === 'put' || action.type === 'update')
  const unknown = writes.filter(({ ended }) => ended === Number.POSITIVE_INFINITY).length
  expect(findMiscount(held.version + 1, writes.length - unknown, unknown), key).toBeUndefined()
}

/** All that happened to a key, in order, for whoever has to find out. */
function story(workload: Workload, key: string): string {
  const done = workload.history
    .of(key)
    .map(operation => ({ at: operation.begun, line: JSON.stringify(operation) }))
  const refused = workload.clients.flatMap(client =>
    client.refused
      .filter(write => write.key === key)
      .map(write => ({ at: write.at, line: `${client.name} ${JSON.stringify(write)}` })),
  )
  return [...done, ...refused]
    .sort((a, b) => a.at - b.at)
    .map(({ line }) => line)
    .join('\n')
}

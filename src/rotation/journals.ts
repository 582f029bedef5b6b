import { concat, defer, EMPTY, firstValueFrom, from, type Observable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Due, Engine, StoredEntry } from '../contract/engine.ts'
import { parentOf } from '../contract/nodes.ts'
import { isSlot } from '../operators/internal/journal.ts'
import { encodeEntry, entryOf, type JournalEntry } from '../operators/internal/journal-entry.ts'
import { recordOf } from '../store/partition-record.ts'
import type { RotationContext, Tally } from './tally.ts'

/**
 * Writes the journals anew that hold outputs which nobody has taken yet, where what they hold is not current; emits
 * after those of each part of the engine, and completes.
 */
export function journals$<V>(context: RotationContext<V>, tally: Tally): Observable<void> {
  const parts = context.engine.parts?.engines ?? [context.engine]
  return concat(
    ...parts.map(part =>
      part.movable === undefined ? EMPTY : defer(() => from(inPart(context, part, tally))),
    ),
  )
}

async function inPart<V>(context: RotationContext<V>, part: Engine, tally: Tally): Promise<void> {
  const due = (): Due => ({ deadline: context.timing.now() + context.timeout })
  const nodes = await firstValueFrom(part.movable!.nodes(due()))
  const byKey = new Map(nodes.map(node => [node.key, node]))
  for (const node of nodes) {
    if (!isSlot(node.key)) continue
    let value: Uint8Array | undefined
    try {
      value = await renewed(context, node, byKey.get(parentOf(node.key)))
    } catch (error) {
      tally.count(KVError.from(error, 'CODEC', 'a journal of outputs could not be read', node.key))
      continue
    }
    if (value === undefined) continue
    const write = { type: 'put', key: node.key, value, ifVersion: node.version } as const
    const error = await firstValueFrom(part.commit([write], due())).then(
      () => undefined,
      cause => KVError.from(cause, 'ENGINE', 'a journal of outputs could not be written', node.key),
    )
    const fatal = tally.count(error)
    if (fatal !== undefined) throw fatal
  }
}

/** What a slot of a journal is to hold; `undefined` where it is current, or its outputs were taken. */
async function renewed<V>(
  { access }: RotationContext<V>,
  { key: slot, value: bytes }: StoredEntry,
  partition: StoredEntry | undefined,
): Promise<Uint8Array | undefined> {
  const { records, taken } = recordOf(parentOf(slot), partition)
  if (taken === undefined || taken.records === records) return undefined
  await access.prepare(slot, bytes)
  const entry = entryOf(slot, bytes, 0, access.beside)
  if (entry.from < taken.records || entry.to > records) return undefined
  const before: JournalEntry['before'] = entry.before
  await Promise.allSettled(Array.from(before, ([key, value]) => value && access.prepare(key, value)))
  const isCurrent =
    access.beside?.isCurrent?.(bytes, slot) !== false &&
    [...before].every(([key, value]) => value === undefined || access.isCurrent(key, value))
  if (isCurrent) return undefined
  const renewed = Array.from(
    before,
    ([key, value]) => [key, value && access.encode(key, access.decode(key, value))] as const,
  )
  return encodeEntry(slot, { ...entry, before: new Map(renewed) }, access.beside)
}

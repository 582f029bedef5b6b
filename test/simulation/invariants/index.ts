import { absentIsUndefined } from './absent-is-undefined.ts'
import { acknowledgedWrites } from './acknowledged-writes.ts'
import { allOrNone } from './all-or-none.ts'
import { available } from './available.ts'
import { closeSettles } from './close-settles.ts'
import { counters } from './counters.ts'
import { definiteErrors } from './definite-errors.ts'
import { foldedChanges } from './folded-changes.ts'
import { freshReads } from './fresh-reads.ts'
import type { Invariant } from './invariant.ts'
import { linearizableReads } from './linearizable-reads.ts'
import { neighbours } from './neighbours.ts'
import { nothingThrown } from './nothing-thrown.ts'
import { recordsInOrder } from './records-in-order.ts'
import { settlesInTime } from './settles-in-time.ts'
import { settlesOnce } from './settles-once.ts'
import { streamsEnd } from './streams-end.ts'
import { streamsLast } from './streams-last.ts'
import { watchedValues } from './watched-values.ts'

/** Every promise of the README's table that a simulation can break. */
export const INVARIANTS: readonly Invariant[] = [
  settlesOnce,
  settlesInTime,
  acknowledgedWrites,
  definiteErrors,
  allOrNone,
  counters,
  linearizableReads,
  freshReads,
  watchedValues,
  foldedChanges,
  neighbours,
  available,
  absentIsUndefined,
  recordsInOrder,
  streamsLast,
  streamsEnd,
  closeSettles,
  nothingThrown,
]

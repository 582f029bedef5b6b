import * as rxjs from 'rxjs'
import {
  isObservable,
  map,
  type Observable,
  type OperatorFunction,
  Subject,
  switchMap,
  tap,
  timer,
} from 'rxjs'
import type { TestScheduler } from 'rxjs/testing'
import * as rxkeeper from 'rxkeeper'
import { json, Memory, type Snapshot } from 'rxkeeper'
import { type Hook, hookedStore, writeElsewhere } from '../engines.ts'
import { type Diagram, LATENCY, lettersOf, valuesOf } from './diagrams.ts'

/** What happens when a diagram is run: one Observable of texts for each of its lines. */
export interface Lines {
  readonly source$: Observable<string>
  readonly beside$: Observable<string>
  readonly output$: Observable<string>
}

/** Each request is carried out when its time is over. */
const slow: Hook = (_, answer$) => timer(LATENCY).pipe(switchMap(() => answer$))

const tellingWrites =
  (written$: Subject<string>): Hook =>
  ({ writes }, answer$) =>
    answer$.pipe(
      tap(() => {
        for (const write of writes) {
          if (write.type === 'put') written$.next(textOf([write.key, json().decode(write.value)]))
          if (write.type === 'delete') written$.next(textOf([write.key, undefined]))
        }
      }),
    )

const keyOf = (record: string): string => record[0]!
const timeOf = (record: string): number => Number(record.slice(1))
const entryOf = (record: string): [string, number] => [keyOf(record), timeOf(record)]
/** Of two streams: a capital letter is of the right one. */
const side = { keyOf: (record: string): string => keyOf(record).toLowerCase(), timeOf }
const sided = (record: string): rxkeeper.Sided<string, string> =>
  /[A-Z]/.test(record) ? { right: record } : { left: record }
const count = (_: unknown, before = 0): number => before + 1

/** The text of a marble: `a 1`; of what is absent, `–`; of windows and sessions, `a 0–10: 1`. */
function textOf(value: unknown): string {
  if (value === undefined) return '–'
  if (Array.isArray(value)) {
    const [record = '–', result] = value
    if (Array.isArray(result)) return `${record} [${result.join(' ')}]`
    if (typeof result === 'object') return textOf(result)
    return `${record} ${textOf(result)}`
  }
  if (typeof value === 'object' && value !== null && 'type' in value) {
    const { key, value: inside } = value as unknown as { key: string; value?: unknown }
    return `${key} ${textOf(inside)}`
  }
  if (typeof value === 'object' && value !== null && 'start' in value) {
    const { key, start, end, value: inside } = value as rxkeeper.Window<number>
    return `${key} ${start}–${end}: ${inside}`
  }
  return String(value)
}

/** Runs the code of a diagram, on the virtual time of `scheduler`, once its output is subscribed to. */
export function run({ stored = {}, source, call, beside, texts }: Diagram, scheduler: TestScheduler): Lines {
  const read$ = new Subject<string>()
  const written$ = new Subject<string>()
  const snapshots$ = new Subject<string>()
  const late$ = new Subject<string>()
  const label = beside?.label
  const joinsStreams = call.startsWith('joinKV(')
  const [memory, left, right] = [new Memory(), new Memory(), new Memory()]
  for (const [key, value] of Object.entries(stored)) writeElsewhere(memory, json(), key, value)
  const scope = {
    ...rxjs,
    ...rxkeeper,
    store: hookedStore(
      { value: json(), memory, scheduler },
      slow,
      ...(label === 'written' ? [tellingWrites(written$)] : []),
    ),
    left: joinsStreams ? side : hookedStore({ value: json(), memory: left, scheduler }, slow),
    right: joinsStreams ? side : hookedStore({ value: json(), memory: right, scheduler }, slow),
    result: hookedStore({ value: json(), scheduler }, slow),
    foreignKey: (value: string) => value,
    join: (_: unknown, value: string) => value,
    name: 'name',
    deadLetter: ({ record, error }: rxkeeper.DeadLetter<string>): void =>
      late$.next(`${record} ${error.code}`),
    scheduler,
    keyOf,
    timeOf,
    entryOf,
    count,
    next: ({ total }: Snapshot) => snapshots$.next(String(total.records)),
    records: (function* () {
      for (const letter of lettersOf(source)) {
        const record = texts?.[letter] ?? letter
        read$.next(record)
        yield record
      }
      read$.complete()
    })(),
  }
  /** What another client writes: each text is a key and a value. */
  const written = (marbles: string, to: Memory): Observable<string> =>
    scheduler
      .createColdObservable(marbles, valuesOf(marbles, texts))
      .pipe(
        tap(text => writeElsewhere(to, json(), keyOf(text), text.endsWith('–') ? undefined : text.slice(2))),
      )
  const result = new Function(...Object.keys(scope), `return ${call}`)(...Object.values(scope)) as
    | OperatorFunction<string, unknown>
    | Observable<unknown>
  if (beside !== undefined && label === 'right') {
    const beside$ = written(beside.marbles, right)
    return {
      source$: written(source, left),
      beside$,
      output$: (result as Observable<unknown>).pipe(map(textOf)),
    }
  }
  const source$ = isObservable(result)
    ? read$
    : scheduler.createColdObservable(source, valuesOf(source, texts))
  const records$: Observable<unknown> = joinsStreams ? source$.pipe(map(sided)) : source$
  const output$ = isObservable(result) ? result : (result as OperatorFunction<unknown, unknown>)(records$)
  return {
    source$,
    beside$:
      beside !== undefined && label === 'table'
        ? written(beside.marbles, memory)
        : { snapshots: snapshots$, late: late$, written: written$ }[label as 'written'],
    output$: output$.pipe(map(textOf)),
  }
}

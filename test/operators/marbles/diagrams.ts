/**
 * The marble diagrams of `src/operators/README.md`. `test/operators/marbles.test.ts` runs each of them on virtual time, as it stands here;
 * `npm run marbles` draws them.
 */
export interface Diagram {
  readonly name: string
  /** What the store holds before, by key. */
  readonly stored?: Readonly<Record<string, unknown>>
  /** The records. A letter stands for itself, or for what `texts` says. */
  readonly source: string
  /**
   * The code that is run. `keyOf` takes the letter of a record, `timeOf` the number after it, `entryOf` both; `count` adds
   * one; of `joinKV`, capital letters are records of the right stream. Where it makes no operator but an Observable, of `records`, the source says when they are read.
   */
  readonly call: string
  /**
   * What happens beside: each write to the store, each snapshot of a meter, or each record that is late; or what another client writes
   * to the store (`table`), or to the store `right`, while the source is what he writes to the store `left`.
   */
  readonly beside?: {
    readonly label: 'written' | 'snapshots' | 'late' | 'table' | 'right'
    readonly marbles: string
  }
  readonly output: string
  /** What the letters of all lines stand for. */
  readonly texts?: Readonly<Record<string, string>>
}

/** How long each request to the store takes, in frames. */
export const LATENCY = 2

export const lettersOf = (marbles: string): string[] => marbles.match(/[a-z]/gi) ?? []

/** The letters of a line, and what each stands for. */
export const valuesOf = (marbles: string, texts: Diagram['texts'] = {}): Record<string, string> =>
  Object.fromEntries(lettersOf(marbles).map(letter => [letter, texts[letter] ?? letter]))

export const diagrams: readonly Diagram[] = [
  {
    name: 'lookupKV',
    stored: { a: 1, b: 2 },
    source: '-a--b--c--a-|',
    call: 'lookupKV(store, keyOf)',
    output: '---A--B--C--(A|)',
    texts: { A: 'a 1', B: 'b 2', C: 'c –' },
  },
  {
    name: 'joinTableKV',
    stored: { a: 1 },
    source: '-a---b----a--b-|',
    call: 'joinTableKV(store, keyOf)',
    beside: { label: 'table', marbles: '------D---E' },
    output: '-A---B----A--C-|',
    texts: { A: 'a 1', B: 'b –', C: 'b 7', D: 'b 7', E: 'a 8' },
  },
  {
    name: 'joinTables$',
    source: '-a---------b',
    call: "joinTables$(left, right, result, { foreignKey,\n  join }).pipe(filter(c => c.type !== 'synced'))",
    beside: { label: 'right', marbles: '-x----y' },
    output: '-----A----B----C',
    texts: { a: 'a p', b: 'a q', x: 'p 1', y: 'p 2', A: 'a 1', B: 'a 2', C: 'a –' },
  },
  {
    name: 'upsertKV',
    source: '-a--b--(cd)--|',
    call: 'upsertKV(store, entryOf)',
    beside: { label: 'written', marbles: '---A--B--(CD)' },
    output: '---a--b--(cd)|',
    texts: { a: 'a1', b: 'b1', c: 'a2', d: 'b2', A: 'a 1', B: 'b 1', C: 'a 2', D: 'b 2' },
  },
  {
    name: 'insertKV',
    stored: { b: 2 },
    source: '-a------b------a------|',
    call: 'insertKV(store, entryOf)',
    output: '---D------E------F----|',
    texts: { a: 'a1', b: 'b1', D: 'a1 true', E: 'b1 false', F: 'a1 false' },
  },
  {
    name: 'deleteKV',
    stored: { a: 1, b: 2 },
    source: '-a---b---a---|',
    call: 'deleteKV(store, keyOf)',
    beside: { label: 'written', marbles: '---A---B---A' },
    output: '---a---b---a-|',
    texts: { A: 'a –', B: 'b –' },
  },
  {
    name: 'updateKV',
    source: '-(aa)----b---|',
    call: 'updateKV(store, keyOf, count)',
    beside: { label: 'written', marbles: '-----(AC)----B' },
    output: '-----(AC)----(B|)',
    texts: { A: 'a 1', B: 'b 1', C: 'a 2' },
  },
  {
    name: 'processKV',
    source: '-(aab)----a---|',
    call: 'processKV(store, keyOf, count)',
    beside: { label: 'written', marbles: '-----(CB)-----D' },
    output: '-----(ACB)----(D|)',
    texts: { A: 'a 1', B: 'b 1', C: 'a 2', D: 'a 3' },
  },
  {
    name: 'windowKV',
    source: '-a-----b-----c---|',
    call: 'windowKV(store, keyOf, count,\n  { timeOf, size: 10 })',
    output: '-----A-----B-----(C|)',
    texts: { a: 'a1', b: 'a12', c: 'a4', A: 'a 0–10: 1', B: 'a 10–20: 1', C: 'a 0–10: 2' },
  },
  {
    name: 'sessionKV',
    source: '-a-----b-----c---|',
    call: 'sessionKV(store, keyOf, count,\n  { timeOf, gap: 5 })',
    output: '-----A-----B-----(C|)',
    texts: { a: 'a1', b: 'a4', c: 'a12', A: 'a 1–1: 1', B: 'a 1–4: 2', C: 'a 12–12: 1' },
  },
  {
    name: 'windowKV-final',
    source: '-a---b----c---d---------|',
    call: "windowKV(store, keyOf, count, { timeOf,\n  size: 10, emit: 'final', name, deadLetter })",
    beside: { label: 'late', marbles: '----------------D' },
    output: '--------------A---------|',
    texts: { a: 'a1', b: 'a4', c: 'b12', d: 'a3', A: 'a 0–10: 2', D: 'a3 LATE' },
  },
  {
    name: 'windowKV-lateness',
    source: '-a---b----c---d---------|',
    call: "windowKV(store, keyOf, count, { timeOf, size: 10,\n  emit: 'final', name, lateness: 5 })",
    output: '----------------A-------|',
    texts: { a: 'a1', b: 'b12', c: 'a3', d: 'b15', A: 'a 0–10: 2' },
  },
  {
    name: 'sessionKV-final',
    source: '-a---b----c----------|',
    call: "sessionKV(store, keyOf, count,\n  { timeOf, gap: 5, emit: 'final', name })",
    output: '--------------A------|',
    texts: { a: 'a1', b: 'a4', c: 'b12', A: 'a 1–4: 2' },
  },
  {
    name: 'sessionKV-idle',
    source: '-a---b----------------',
    call: "sessionKV(store, keyOf, count, { timeOf,\n  gap: 5, emit: 'final', name, idleAfter: 3 })",
    output: '-------------A',
    texts: { a: 'a1', b: 'a4', A: 'a 1–4: 2' },
  },
  {
    name: 'joinKV',
    source: '-a---b----c------|',
    call: 'joinKV(store,\n  { left, right, after: 5, name })',
    output: '--------A---B----|',
    texts: { a: 'a1', b: 'A3', c: 'A5', A: 'a1 A3', B: 'a1 A5' },
  },
  {
    name: 'joinKV-left',
    source: '-a---b----c------|',
    call: "joinKV(store,\n  { left, right, after: 5, name, type: 'left' })",
    output: '--------------C--|',
    texts: { a: 'a1', b: 'B9', c: 'c8', C: 'a1 –' },
  },
  {
    name: 'joinKV-outer',
    source: '-a---b----c------|',
    call: "joinKV(store, { left, right, after: 5,\n  name, type: 'outer', closeAtEnd: true })",
    output: '--------------C----(DE|)',
    texts: { a: 'a1', b: 'B9', c: 'c8', C: 'a1 –', D: '– B9', E: 'c8 –' },
  },
  {
    name: 'historyKV',
    source: '-a-----b-----c---|',
    call: 'historyKV(store, keyOf, { keep: 2 })',
    output: '-----A-----B-----(C|)',
    texts: { a: 'a1', b: 'a2', c: 'a3', A: 'a1 [a1]', B: 'a2 [a1 a2]', C: 'a3 [a2 a3]' },
  },
  {
    name: 'perKey',
    source: '-a-b-a----|',
    call: 'perKey(keyOf, record$ => record$.pipe(delay(5)))',
    output: '------a-b--(a|)',
  },
  {
    name: 'measure',
    source: '-a--b--c----|',
    call: 'measure(upsertKV(store, record => [record, 1]),\n  { interval: 5, next, scheduler })',
    beside: { label: 'snapshots', marbles: '-----P----Q-Q' },
    output: '---a--b--c--|',
    texts: { P: '1', Q: '3' },
  },
  {
    name: 'pull$',
    source: 'a-b-c-|',
    call: 'pull$(records).pipe(\n  upsertKV(store, record => [record, 1],\n    { concurrency: 1 }))',
    output: '--a-b-(c|)',
  },
]

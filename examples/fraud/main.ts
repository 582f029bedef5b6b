/**
 * A fraud rule: accounts with three payments within ten minutes, and then none for five.
 *
 *   npx tsx --conditions=rxkeeper-source examples/fraud/main.ts [STORE-URL]
 *
 * Time is the payments': what is to come of them is known, however fast they are read.
 */
import { from } from 'rxjs'
import { json, openStore } from 'rxkeeper'
import { type Payment, suspicious } from './rule.ts'

/** Account and minute of each payment. */
const payments: readonly (readonly [account: string, minute: number])[] = [
  ['ann', 0],
  ['bob', 1],
  ['ann', 2],
  ['ann', 4],
  ['bob', 6],
  ['bob', 14],
  ['ann', 15],
  ['bob', 16],
  ['bob', 18],
  ['bob', 22],
  ['cid', 40],
]

const [, , url = 'memory:'] = process.argv
await using times = openStore(url, { value: json<number[]>() })
const payments$ = from(payments.map(([account, minute]): Payment => ({ account, at: minute * 60_000 })))
await payments$.pipe(suspicious(times)).forEach(account => {
  console.log(`look at ${account}`)
})

import fc from 'fast-check'
import { from, lastValueFrom, toArray } from 'rxjs'
import { json, memoryStore } from 'rxkeeper'
import { expect, test } from 'vitest'
import { type Payment, suspicious } from '../../examples/fraud/rule.ts'
import { run } from './program.ts'

test('the program finds who paid three times and then no more', async () => {
  const { output } = await run('fraud/main.ts')
  expect(output).toBe('look at ann\nlook at bob\n')
})

/** The rule as it is said, of an account's payments by the minute, when the last payment of all is at `end`. */
function alerts(minutes: readonly number[], end: number): number {
  let count = 0
  let recent: number[] = []
  for (const [i, minute] of minutes.entries()) {
    recent = [...recent, minute].filter(other => other > minute - 10)
    if (recent.length < 3 || (minutes[i + 1] ?? end) < minute + 5) continue
    count++
    recent = []
  }
  return count
}

test('it is the rule as it is said', async () => {
  const account = fc.array(fc.nat(60), { maxLength: 15 }).map(all => all.sort((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom('ann', 'bob', 'cid'), account), async accounts => {
      const payments = Object.entries(accounts)
        .flatMap(([account, minutes]) => minutes.map((minute): Payment => ({ account, at: minute * 60_000 })))
        .sort((a, b) => a.at - b.at)
      const end = (payments.at(-1)?.at ?? 0) / 60_000
      const found = await lastValueFrom(
        from(payments).pipe(suspicious(memoryStore({ value: json<number[]>() })), toArray()),
      )
      for (const [account, minutes] of Object.entries(accounts)) {
        expect(found.filter(other => other === account)).toHaveLength(alerts(minutes, end))
      }
    }),
  )
})

import fc from 'fast-check'
import type { StoreFault } from 'rxkeeper/testing'
import { describe, expect, test } from 'vitest'
import {
  type Booking,
  booking,
  bookingByHand,
  bookingPerKey,
} from '../../examples/property-testing/accounts.ts'
import { arrivals, check, faults, otherWriters, outages } from '../../examples/property-testing/property.ts'
import { type Arrival, type Run, runOnServer, runVirtually } from '../../examples/property-testing/run.ts'
import { patience } from '../faults/support/knobs.ts'
import { seeded } from '../faults/support/random.ts'
import { startServer } from '../faults/support/servers.ts'
import { run } from './program.ts'

const seed = seeded('property testing').whole(0, 0x7fff_ffff)

/** What fast-check finds about a booking on virtual time. */
const tried = (
  pipeline: Booking,
  schedules: typeof faults,
  options: fc.Parameters<[Arrival[], StoreFault[]]>,
  seen = (run: Run): Run => run,
) =>
  fc.check(
    fc.property(arrivals, schedules, (payments, schedule) =>
      check(payments, schedule, seen(runVirtually(pipeline, payments, schedule))),
    ),
    { seed, ...options },
  )

const payment = (after: number, account: string, amount: number): Arrival => ({ after, account, amount })

describe('on virtual time', () => {
  test('the booking holds, however it ends', () => {
    const endings = new Set<string>()
    const details = tried(booking, faults, { numRuns: 3000 }, run => {
      endings.add(run.ending)
      return run
    })
    expect(fc.defaultReportMessage(details)).toBeUndefined()
    expect(endings).toEqual(new Set(['completed', 'TIMEOUT', 'INDETERMINATE']))
  })

  test('composed by hand it loses an update: two payments of one account', () => {
    const details = tried(bookingByHand, outages, { numRuns: 1000 })
    const { account } = details.counterexample![0][0]!
    expect(details.counterexample).toEqual([[payment(0, account, 1), payment(0, account, 1)], []])
    const report = fc.defaultReportMessage(details)
    const record = `{"after":0,"account":"${account}","amount":1}`
    expect(report).toContain(`Counterexample: [[${record},${record}],[]]`)
    expect(details.errorInstance).toHaveProperty(
      'message',
      'expected the receipts X 1, X 2; receipts: X 1, X 1; ended: completed'.replaceAll('X', account),
    )
    console.log(report)

    // From the report alone, at once.
    const path = details.counterexamplePath!
    const again = tried(bookingByHand, outages, { path, endOnFailure: true })
    expect(again.counterexample).toEqual(details.counterexample)
    expect(again.numRuns).toBe(1)
  })

  test('one after the other of each account, it loses what another program writes', () => {
    const { counterexample, errorInstance } = tried(bookingPerKey, otherWriters, { numRuns: 3000 })
    const [payments, schedule] = counterexample!
    expect(schedule).toEqual([{ type: 'write', at: expect.any(Number), key: payments.at(-1)!.account }])
    expect(errorInstance).toHaveProperty('message', expect.stringMatching(/was audited 1 times, stored is 0/))
  })

  test('an unknown outcome is not to be taken for a failure: it may be carried out', () => {
    const { errorInstance } = tried(booking, faults, { numRuns: 3000 }, run => ({
      ...run,
      ending: run.ending === 'INDETERMINATE' ? 'TIMEOUT' : run.ending,
    }))
    expect(errorInstance).toHaveProperty('message', expect.stringMatching(/^stored .*, expected /))
  })
})

test(
  'on a real server the same holds',
  async () => {
    await using server = await startServer()
    // A commit that is on its way when the session expires.
    const unanswered: [Arrival[], StoreFault[]] = [
      [payment(4, 'a', 1)],
      [
        { type: 'slow', at: 0, lasts: 40, by: 10 },
        { type: 'lost', at: 16, lasts: 10, unanswered: 'done' },
      ],
    ]
    await fc.assert(
      fc.asyncProperty(arrivals, faults, async (payments, schedule) =>
        check(payments, schedule, await runOnServer(server, booking, payments, schedule)),
      ),
      { seed, numRuns: 12, examples: [unanswered] },
    )
  },
  patience,
)

test(
  'on a real server the same fails',
  async () => {
    await using server = await startServer()
    const payments = [payment(0, 'a', 1), payment(0, 'a', 1)]
    const lossy = await runOnServer(server, bookingByHand, payments, [])
    expect(() => check(payments, [], lossy)).toThrow('expected the receipts a 1, a 2; receipts: a 1, a 1')
  },
  patience,
)

test('the program says what it found, and the same again for the same seed', async () => {
  const args = ['--seed', String(seed), '--runs', '1000']
  const first = await run('property-testing/main.ts', args)
  expect(first).toMatchObject({ errors: '', code: 0 })
  expect(first.output).toMatch('booking: held in 1000 runs')
  expect(first.output).toMatch(/expected the receipts (\w) 1, \1 2; receipts: \1 1, \1 1; ended: completed/)
  expect(await run('property-testing/main.ts', args)).toEqual(first)
})

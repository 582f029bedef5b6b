/** What must hold of every booking, whatever comes and whatever goes wrong. */
import fc from 'fast-check'
import { arbitraries, type StoreFault } from 'rxkeeper/testing'
import { type Account, book, type Receipt } from './accounts.ts'
import type { Arrival, Run } from './run.ts'

export const NAMES = ['a', 'b', 'c']

/** Two in three are paid in; 1 is what shrinking comes to. */
const amount = fc.nat(29).map(n => (n < 20 ? n + 1 : 19 - n))

export const arrivals: fc.Arbitrary<Arrival[]> = fc.array(
  fc.record({ after: fc.nat(8), account: fc.constantFrom(...NAMES), amount }, { noNullPrototype: true }),
  { maxLength: 12 },
)

const schedules = arbitraries(fc).faults

/** Schedules of everything that may go wrong, of outages and slowness only, and of another program's writes only. */
export const faults: fc.Arbitrary<StoreFault[]> = schedules({ keys: NAMES })
export const outages: fc.Arbitrary<StoreFault[]> = schedules()
export const otherWriters: fc.Arbitrary<StoreFault[]> = schedules({ types: ['write'], keys: NAMES })

/** The model: the payments one after the other, in a Map. The receipts, and the accounts before any and after each. */
function model(payments: readonly Arrival[]): {
  receipts: Receipt[]
  states: ReadonlyMap<string, Account>[]
} {
  const accounts = new Map<string, Account>()
  const receipts: Receipt[] = []
  const states = [new Map(accounts)]
  for (const payment of payments) {
    const { account, receipt } = book(payment, accounts.get(payment.account))
    accounts.set(payment.account, account)
    receipts.push(receipt)
    states.push(new Map(accounts))
  }
  return { receipts, states }
}

const show = (accounts: ReadonlyMap<string, Account>): string =>
  NAMES.map(name => `${name}=${accounts.get(name)?.balance ?? 0}`).join(' ')

/** Throws, and says what is wrong, unless the run is one that may be. */
export function check(payments: readonly Arrival[], faults: readonly StoreFault[], run: Run): void {
  const { receipts, states } = model(payments)
  const { length } = run.receipts
  const expect = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`${what}; receipts: ${run.receipts.join(', ')}; ended: ${run.ending}`)
  }

  // It ends, and with no other errors than these.
  expect(['completed', 'TIMEOUT', 'INDETERMINATE'].includes(run.ending), 'it should not end so')

  // The receipts are the model's, up to the end or to the error.
  const expected = receipts.slice(0, length).join(', ')
  expect(run.receipts.join(', ') === expected, `expected the receipts ${expected}`)
  expect(run.ending !== 'completed' || length === payments.length, `${payments.length} payments`)

  // So is the state. What has a receipt is stored. What has none is not, unless the outcome of a commit is unknown: then
  // some of the payments after the last receipt are, all those of that commit, in their order.
  const stored = show(run.accounts)
  const possible = states.slice(length, run.ending === 'INDETERMINATE' ? undefined : length + 1).map(show)
  expect(possible.includes(stored), `stored ${stored}, expected ${possible.join(' or ')}`)

  // And nothing that another program wrote is lost.
  for (const name of NAMES) {
    const audits = faults.filter(fault => fault.type === 'write' && fault.key === name).length
    const counted = run.accounts.get(name)?.audits ?? 0
    expect(counted === audits, `${name} was audited ${audits} times, stored is ${counted}`)
  }
}

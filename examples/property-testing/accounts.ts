/** What is tested: payments booked on accounts. Nothing here knows of tests. */
import { map, type OperatorFunction, pipe } from 'rxjs'
import { type KVStore, lookupKV, perKey, processKV, upsertKV } from 'rxkeeper'

export interface Payment {
  readonly account: string
  readonly amount: number
}

/** What is stored of an account. The audits are another program's business. */
export interface Account {
  readonly balance: number
  readonly audits: number
}

export type Accounts = KVStore<Account>

/** Says what became of a payment: `alice 5`, the balance, or `alice refused`. */
export type Receipt = string

export const newAccount: Account = { balance: 0, audits: 0 }

/** Books a payment; an account is never overdrawn. */
export function book(
  { account: name, amount }: Payment,
  account: Account = newAccount,
): { account: Account; receipt: Receipt } {
  const balance = account.balance + amount
  if (balance < 0) return { account, receipt: `${name} refused` }
  return { account: { ...account, balance }, receipt: `${name} ${balance}` }
}

export type Booking = (accounts: Accounts) => OperatorFunction<Payment, Receipt>

/** Books payments: reads, computes and writes, on the condition that nobody else has written. */
export const booking: Booking = accounts =>
  processKV(
    accounts,
    payment => payment.account,
    (payment, account) => book(payment, account).account,
    { project: (payment, _, account) => book(payment, account).receipt },
  )

/** The same composed by hand. Wrong: what comes together is read together, before any of it is written. */
export const bookingByHand: Booking = accounts =>
  pipe(
    lookupKV(accounts, (payment: Payment) => payment.account),
    map(([payment, account]) => ({ name: payment.account, ...book(payment, account) })),
    upsertKV(accounts, ({ name, account }) => [name, account]),
    map(({ receipt }) => receipt),
  )

/** One payment of an account after the other. Better, but wrong when another program writes in between. */
export const bookingPerKey: Booking = accounts => perKey(payment => payment.account, bookingByHand(accounts))

/** What the other program does with an account. */
export const audit = (account: Account = newAccount): Account => ({ ...account, audits: account.audits + 1 })

/**
 * User behaviour analysis: what do the users of a shop do, how far do they come, what do they buy?
 *
 *   npx tsx --conditions=rxkeeper-source examples/behaviour/main.ts [--store URL] [--help]
 *
 * Clicks arrive, some of them late, and are joined with the price that the product had at the time, from a table that
 * changes meanwhile. From them come, each in a table of its own: the sessions of each user (`sessionKV`) and how many of
 * them come from the visit to a purchase; the history of each user (`historyKV`); the revenue of each product.
 */
import {
  concat,
  concatMap,
  connect,
  filter,
  firstValueFrom,
  from,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  type Observable,
  range,
  toArray,
} from 'rxjs'
import { historyKV, lookupKV, processKV, type Sessions, sessionKV } from 'rxkeeper'
import { readArguments, USAGE } from './arguments.ts'
import { addClick, countSession, emptyFunnel, type Funnel, mergeSteps, type Steps } from './funnel.ts'
import { funnelTable, salesTable, userTables } from './report.ts'
import { addOrder, type PricedClick, priced, type Sales } from './sales.ts'
import { type Click, MINUTE, makeUpShop, type PriceChange } from './shop.ts'
import { openTable } from './tables.ts'

async function main(args: string[]): Promise<void> {
  const { help, store: url, user, ...plan } = readArguments(args)
  if (help) {
    console.log(USAGE)
    return
  }
  await using prices = await openTable<readonly PriceChange[]>(url, 'prices', 100)
  await using sessions = await openTable<Sessions<Steps>>(url, 'sessions')
  await using funnel = await openTable<Funnel>(url, 'funnel')
  await using histories = await openTable<readonly PricedClick[]>(url, 'histories')
  await using sales = await openTable<Sales>(url, 'sales')

  const { clicks, changes } = makeUpShop(plan)
  const enterPrices = (day: number): Observable<never> =>
    from(changes[day] ?? []).pipe(
      historyKV(prices, ({ product }) => product, { keep: 100, timeOf: ({ from }) => from }),
      ignoreElements(),
    )
  // While the clicks of a day arrive, the prices of the next are entered; its clicks wait for them.
  const clicks$ = concat(
    enterPrices(0),
    range(0, plan.days).pipe(concatMap(day => merge(clicks[day]!, enterPrices(day + 1)))),
  )

  const userOf = ({ user }: Click): string => user
  const pageOf = ({ page }: Click): string => page
  const timeOf = ({ at }: Click): number => at
  let late = 0
  const results$ = clicks$.pipe(
    lookupKV(prices, pageOf, { project: priced }),
    connect(click$ =>
      merge(
        click$.pipe(
          sessionKV(sessions, userOf, addClick, {
            timeOf,
            gap: 30 * MINUTE,
            grace: 60 * MINUTE,
            merge: mergeSteps,
            keep: 3,
            // Each session is counted once, when no click can join it any more.
            emit: 'final',
            // The last ones are over without a further click. While a shop is open, `idleAfter` does that.
            closeAtEnd: true,
            // Time begins anew with each run, as the tables do.
            name: `visits ${Date.now()}`,
            deadLetter({ error }) {
              if (error.code !== 'LATE') throw error
              late++
            },
          }),
          processKV(funnel, () => 'all', countSession),
        ),
        click$.pipe(historyKV(histories, userOf, { timeOf, keep: 12, bytes: 10_000 })),
        click$.pipe(
          filter(({ step }) => step === 'purchase'),
          processKV(sales, pageOf, addOrder),
        ),
      ),
    ),
  )
  await lastValueFrom(results$.pipe(ignoreElements()), { defaultValue: undefined })

  const sold$ = sales.entries$().pipe(map(({ key, value }): [string, Sales] => [key, value]))
  const arrived = clicks.reduce((sum, { length }) => sum + length, 0)
  console.log(
    [
      `${arrived} clicks of ${plan.users} users in ${plan.days} days, made up from the seed ${plan.seed}`,
      funnelTable((await firstValueFrom(funnel.get$('all'))) ?? emptyFunnel, late),
      salesTable(await firstValueFrom(sold$.pipe(toArray()))),
      userTables(
        user,
        (await firstValueFrom(histories.get$(user))) ?? [],
        (await firstValueFrom(sessions.get$(user))) ?? [],
      ),
    ].join('\n\n'),
  )
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`behaviour: ${(error as Error).message}`)
  process.exitCode = 1
}

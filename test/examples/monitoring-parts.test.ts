import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import fc from 'fast-check'
import { shareReplay } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Alert, judge, type Rule } from '../../examples/monitoring/hysteresis.ts'
import { addReading, type Metric } from '../../examples/monitoring/metric.ts'
import { readRules, ruleFor } from '../../examples/monitoring/rules.ts'
import { type Sign, silence } from '../../examples/monitoring/silence.ts'
import { readZooKeeper } from '../../examples/monitoring/zookeeper.ts'
import { virtually } from '../operators/cases.ts'

describe('the hysteresis', () => {
  const rule: Rule = { above: 90, below: 70, readings: 2 }
  const judged = (values: readonly (number | undefined)[], rules = rule): (Alert | undefined)[] => {
    let alert: Alert | undefined
    return values.map((value, i) => {
      alert = judge(rules, { value, at: i + 1 }, alert)
      return alert
    })
  }

  test.each<[string, (number | undefined)[], (string | undefined)[]]>([
    ['nothing is known of what is never too high', [90, 70, 10], [undefined, undefined, undefined]],
    ['raised after so many readings in a row', [91, 91], ['pending', 'raised']],
    ['and no fewer', [91, 90, 91], ['pending', 'clear', 'pending']],
    ['between the limits it stays raised', [91, 91, 80, 70], ['pending', 'raised', 'raised', 'raised']],
    ['between the limits it stays clear', [91, 91, 69, 80], ['pending', 'raised', 'clear', 'clear']],
    ['raised again', [91, 91, 69, 91, 91], ['pending', 'raised', 'clear', 'pending', 'raised']],
    ['cleared when the metric is deleted', [91, 91, undefined], ['pending', 'raised', 'clear']],
  ])('%s', (_, values, states) => {
    expect(judged(values).map(alert => alert?.state)).toEqual(states)
  })

  test('it is raised from where the values were above for long enough to where one is below', () => {
    const rules = fc
      .record({
        above: fc.integer({ min: 5, max: 9 }),
        below: fc.integer({ min: 1, max: 9 }),
        readings: fc.integer({ min: 1, max: 4 }),
      })
      .filter(({ above, below }) => below <= above)
    fc.assert(
      fc.property(rules, fc.array(fc.integer({ min: 0, max: 12 })), (rules, values) => {
        const isRaised = values.map((_, i) => {
          const raisedAt = values.findLastIndex(
            (_, end) =>
              end <= i &&
              end + 1 >= rules.readings &&
              values.slice(end + 1 - rules.readings, end + 1).every(value => value > rules.above),
          )
          return raisedAt >= 0 && values.slice(raisedAt + 1, i + 1).every(value => value >= rules.below)
        })
        expect(judged(values, rules).map(alert => alert?.state === 'raised')).toEqual(isRaised)
      }),
    )
  })

  test('readings that are judged again, by itself or by another, change nothing', () => {
    const readings = fc.array(fc.integer({ min: 60, max: 100 }), { minLength: 1 })
    fc.assert(
      fc.property(readings, fc.integer({ min: 1, max: 5 }), (values, behind) => {
        const once = judged(values)
        let alert: Alert | undefined
        for (let i = 0; i < values.length; i++) {
          for (let j = Math.max(0, i - behind); j <= i; j++) {
            alert = judge(rule, { value: values[j], at: j + 1 }, alert)
          }
          expect(alert).toEqual(once[i])
        }
      }),
    )
  })
})

describe('silence', () => {
  const signs: Record<string, Sign> = {
    a: { host: 'a', isNews: true, patience: 4 },
    b: { host: 'b', isNews: true, patience: 4 },
    A: { host: 'a', isNews: false, patience: 4 },
    x: { host: 'a', isNews: true, patience: undefined },
  }
  const outputs = {
    a: { host: 'a', silent: false },
    b: { host: 'b', silent: false },
    s: { host: 'a', silent: true },
    t: { host: 'b', silent: true },
  }

  // They have a patience of 4, at first of 7.
  test.each<[string, string, string, string]>([
    ['one that writes', 'c', 'aa-a--a--a|', 'a------------s'],
    ['one that writes only once', 'c', 'a', 'a------s'],
    ['one that writes no more, and again', 'c', 'aa------a--a--', 'a----s--a------s'],
    ['each host for itself', 'c', 'abab-a--a----', 'ab-----t----s'],
    ['one that was there before', 'c', 'A---------A---', '-------s------'],
    ['one that was there before, and writes', 'c', 'A-a----', '--a---s'],
    ['one that is gone', 'c', 'aa-x------', 'a---------'],
    ['without a connection nobody is silent', 'c--d-----c----', 'aa------------', 'a---------------s'],
    ['who was silent before an outage is so after it', 'c------d-c------', 'aa', 'a----s'],
  ])('%s', (_, connected, source, expected) => {
    virtually(scheduler => {
      // It tells newcomers how things stand, as a store does.
      const connected$ = scheduler
        .createHotObservable(connected, { c: true, d: false })
        .pipe(shareReplay({ bufferSize: 1, refCount: false }))
      connected$.subscribe()
      const source$ = scheduler.createHotObservable(source, signs)
      scheduler.expectObservable(source$.pipe(silence(connected$, 3, scheduler))).toBe(expected, outputs)
    })
  })
})

describe('a metric', () => {
  const readings = (...given: readonly (readonly [at: number, value: number])[]): Metric | undefined =>
    given.reduce<Metric | undefined>(
      (known, [at, value]) =>
        addReading({ host: 'h', metric: 'm', unit: '%', interval: 1000, at, value }, known),
      undefined,
    )

  test('the last, the least, the greatest, the average', () => {
    expect(readings([1000, 4], [2000, 8], [3000, 6])).toEqual({
      last: 6,
      min: 4,
      max: 8,
      average: 6,
      readings: 3,
      unit: '%',
      at: 3000,
      interval: 1000,
    })
  })

  test('what is old counts little, what comes from a clock set back as any other', () => {
    expect(readings([0, 100], [1, 100], [600_000, 0])?.average).toBeLessThan(0.01)
    expect(readings([9000, 0], [1000, 0], [500, 3])?.average).toBe(1)
  })
})

describe('rules', () => {
  const rules = readRules(['latency=10,5,4', 'zookeeper/a:2181/latency=20,10', 'free=-5,-10.5'])

  test.each<[string, Rule | undefined]>([
    ['zookeeper/b:2181/latency', { above: 10, below: 5, readings: 4 }],
    ['zookeeper/a:2181/latency', { above: 20, below: 10, readings: 1 }],
    ['free', { above: -5, below: -10.5, readings: 1 }],
    ['cpu', { above: 90, below: 70, readings: 5 }],
    ['connections', undefined],
  ])('for %s', (metric, rule) => expect(ruleFor(rules, metric)).toEqual(rule))

  test.each(['cpu', 'cpu=', 'cpu=90', 'cpu=70,90', 'cpu=90,70,0', 'cpu=90,70,1.5', 'cpu=a,b', '=9,7'])(
    '%s is none',
    text => expect(() => readRules([text])).toThrow(/--rule must be METRIC=ABOVE,BELOW.* got/),
  )
})

describe('a ZooKeeper server', () => {
  /** A server that says this to whatever it is asked. */
  async function saying(answer: string): Promise<string> {
    const server = createServer(socket => socket.end(answer)).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('that is not one, or serves nobody, is down', async () => {
    const idle = await saying('This ZooKeeper instance is not currently serving requests\n')
    for (const server of [idle, '127.0.0.1:1', 'no-such-host.invalid:2181']) {
      expect(await readZooKeeper(server)).toEqual([
        { metric: `zookeeper/${server}/down`, value: 1, unit: '' },
      ])
    }
  })

  test('that does not permit the question says what to do', async () => {
    const server = await saying('mntr is not executed because it is not in the whitelist.\n')
    await expect(readZooKeeper(server)).rejects.toThrow(
      `${server} must permit the word: 4lw.commands.whitelist`,
    )
  })
})

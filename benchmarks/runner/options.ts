import { parseArgs } from 'node:util'
import type { Pace } from './compare.ts'
import { type Comparison, isOurs } from './question.ts'
import { questions } from './questions.ts'

export const HELP = `Usage: npm run bench -- [options]

  --only NAME       ask only this question, or make only this comparison (repeatable; a comma separates several)
  --contender NAME  let only these contenders in (repeatable; a comma separates several)
  --quick           the headline ratios, in short rounds (npm run bench:quick)
  --rounds N        how many rounds (default 5; quick 3)
  --json            one JSON object a line
  --html FILE       write one self-contained page with charts
  --help            this text

Questions:
${questions.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')}
`

/** What was asked for on the command line. */
export interface Options {
  readonly help: boolean
  readonly json: boolean
  readonly html: string | undefined
  readonly quick: boolean
  readonly comparisons: readonly Comparison[]
  readonly pace: Pace
  /** Whether a contender takes part in a comparison. */
  readonly takesPart: (comparison: Comparison, contender: string) => boolean
}

/** What was asked for is not to be had: the message says why. */
export class UsageError extends Error {}

const named = (list: readonly string[] | undefined): string[] | undefined =>
  list?.flatMap(each => each.split(',')).map(each => each.trim())

const all = questions.flatMap(question => question.comparisons)

function chosen(only: readonly string[] | undefined, quick: boolean): readonly Comparison[] {
  if (only === undefined && !quick) return all
  const names = only ?? questions.flatMap(({ headlines = [] }) => headlines)
  return names.flatMap(name => {
    const question = only === undefined ? undefined : questions.find(each => each.name === name)
    const found = question?.comparisons ?? all.filter(each => each.name === name)
    if (found.length === 0)
      throw new UsageError(`no question or comparison is called ${name}; --help lists them`)
    return found
  })
}

/** Whether a contender is part of a ratio that has a target, and not the second of ours there. */
const isHeadline = ({ targets = {}, contenders }: Comparison, contender: string): boolean =>
  !contenders.find(({ name }) => name === contender)!.notQuick &&
  Object.keys(targets).some(target => {
    const [ours, peer] = target.includes(':') ? target.split(':') : [undefined, target]
    return isOurs(contender) ? ours === undefined || ours === contender : peer === contender
  })

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new UsageError(`--${name} must be a whole number of at least 1, got ${text}`)
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        contender: { type: 'string', multiple: true },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        json: { type: 'boolean', default: false },
        html: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; --help shows the options`)
  }
}

/** The options in `args`; throws a {@link UsageError}. */
export function optionsOf(args: readonly string[]): Options {
  const { help, json, html, quick, only, rounds, contender } = parse(args)
  const contenders = named(contender)
  return {
    help,
    json,
    html,
    quick,
    comparisons: chosen(named(only), quick),
    pace: {
      rounds: rounds === undefined ? (quick ? 3 : 5) : wholeNumber('rounds', rounds),
      ...(quick ? { roundTime: 200, warmUpTime: 400 } : { roundTime: 1000, warmUpTime: 1500 }),
    },
    takesPart: (comparison, name) =>
      contenders === undefined
        ? !quick || isHeadline(comparison, name)
        : contenders.some(each => each === name || each === name.split('/')[0]),
  }
}

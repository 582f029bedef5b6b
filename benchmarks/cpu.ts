import { getComparison } from './get.ts'
import { loopComparisons } from './loop.ts'
import { putComparison } from './put.ts'
import type { Comparison, Question } from './runner/question.ts'
import { watchComparison } from './watch.ts'

const quarterOf = (comparison: Comparison): Comparison => ({
  ...comparison,
  name: `cpu/${comparison.name}`,
  title: `CPU of the client: ${comparison.title}`,
  unit: 'µs of CPU/op',
  measure: 'cpu',
  contenders: comparison.contenders.filter(({ name }) => name === 'plain' || name.startsWith('rxkeeper')),
  targets: Object.fromEntries(
    comparison.contenders
      .filter(({ name }) => name.startsWith('rxkeeper') && name !== 'rxkeeper/perKey')
      .map(({ name }) => [`${name}:plain`, 0.25]),
  ),
})

export const cpu: Question = {
  name: 'cpu',
  about: 'How much CPU does the client need for an operation?',
  comparisons: [getComparison, putComparison, loopComparisons[0]!, watchComparison].map(quarterOf),
}

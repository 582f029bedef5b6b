import { aloneComparisons } from './alone.ts'
import { getComparison } from './get.ts'
import { loadComparison } from './load.ts'
import { loopComparisons } from './loop.ts'
import { putComparison } from './put.ts'
import { readAllComparison } from './read-all.ts'
import type { Comparison, Question } from './runner/question.ts'
import { watchComparison } from './watch.ts'

/** Bare frames go to whichever server comes first, and are no client to compare with. */
const onEnsemble = (comparison: Comparison): Comparison => ({
  ...comparison,
  name: `ensemble/${comparison.name}`,
  title: `On three servers: ${comparison.title}`,
  server: 'ensemble',
  contenders: comparison.contenders.filter(({ name }) => name === 'plain' || name.startsWith('rxkeeper')),
})

export const ensemble: Question = {
  name: 'ensemble',
  about: 'Do the ratios hold on an ensemble of three servers?',
  comparisons: [
    getComparison,
    putComparison,
    loadComparison,
    ...loopComparisons,
    watchComparison,
    readAllComparison,
    ...aloneComparisons,
  ].map(onEnsemble),
}

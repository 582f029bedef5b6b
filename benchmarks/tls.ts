import { aloneComparisons } from './alone.ts'
import { getComparison } from './get.ts'
import { loadComparison } from './load.ts'
import { loopComparisons } from './loop.ts'
import { putComparison } from './put.ts'
import { readAllComparison } from './read-all.ts'
import type { Comparison, Contender, Place, Question } from './runner/question.ts'
import { watchComparison } from './watch.ts'

/** At most so much of the rate may be lost. */
const KEPT = 0.85

/** The same work of the same client on the same server, with and without TLS. */
function securely(comparison: Comparison, ours: string): Comparison {
  const { name, title, contenders, measure } = comparison
  const { run } = contenders.find(contender => contender.name === ours)!
  if (typeof run !== 'function') throw new Error(`${ours} does not run here`)
  const secured: Contender['run'] = (place: Place, outside) => run({ ...place, ...place.secured }, outside)
  return {
    ...comparison,
    name: `tls/${name}`,
    title: `By TLS: ${title}`,
    server: 'zookeeper-tls',
    contenders: [
      { name: ours, run: secured },
      { name: 'unsecured', run },
    ],
    targets: { unsecured: measure === 'latency' ? 1 / KEPT : KEPT },
  }
}

const comparisons = [
  securely(getComparison, 'rxkeeper/lookupKV'),
  securely(putComparison, 'rxkeeper/upsertKV'),
  securely(loadComparison, 'rxkeeper/upsertKV'),
  ...loopComparisons.map(comparison => securely(comparison, 'rxkeeper/processKV')),
  securely(watchComparison, 'rxkeeper/watch$'),
  securely(readAllComparison, 'rxkeeper/entries$'),
  securely(aloneComparisons[0]!, 'rxkeeper/get$'),
  securely(aloneComparisons[1]!, 'rxkeeper/put$'),
]

export const tls: Question = {
  name: 'tls',
  about: 'What does TLS cost? The same client on the same server, with and without.',
  comparisons,
}

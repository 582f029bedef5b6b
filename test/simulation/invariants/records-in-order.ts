import type { KVErrorCode } from '../../../src/base/errors.ts'
import type { Invariant } from './invariant.ts'
import { isMistaken } from './neighbours.ts'

const OUTAGE: readonly KVErrorCode[] = ['TIMEOUT', 'INDETERMINATE', 'CLOSED']

/** Outputs come in the order of the records, each once; a pipeline ends when its source has, or for an outage. */
export const recordsInOrder: Invariant = {
  name: 'records-in-order',
  output({ id, outputs }) {
    const last = outputs.length - 1
    return outputs[last] === last ? undefined : `${id} emitted record ${outputs[last]} as the ${last}th`
  },
  pipelineEnded({ id, ended, records, outputs, store }, run) {
    if (ended === undefined) return undefined
    if (ended === 'completed') {
      if (outputs.length === records.length) return undefined
      return `${id} completed after ${outputs.length} outputs of ${records.length} records`
    }
    const mistaken = ended.code === 'INVALID_ARGUMENT' && isMistaken({ store }, run)
    return OUTAGE.includes(ended.code) || mistaken
      ? undefined
      : `${id} failed with ${ended.code}: ${ended.message}`
  },
  atRest(run) {
    const open = run.pipelines.find(
      ({ ended, unsubscribed, store }) => ended === undefined && !unsubscribed && !store.killed,
    )
    return open === undefined ? undefined : `${open.id} never ended, after ${open.outputs.length} outputs`
  },
}

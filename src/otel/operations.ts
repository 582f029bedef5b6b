import { KVError } from '../base/errors.ts'
import type { Write } from '../contract/engine.ts'
import type { EngineCall, EngineResult } from '../store/observed-engine.ts'

/**
 * The name of a call by OpenTelemetry's conventions: `get`, `put`, …; `BATCH put` for several; `BATCH` for a mixture.
 */
export function operationOf(call: EngineCall): string {
  switch (call.type) {
    case 'read':
      return call.keys.length > 1 ? 'BATCH get' : 'get'
    case 'write':
      return batchOf(call.writes)
    default:
      return call.type
  }
}

function batchOf(writes: readonly Write[]): string {
  const type = writes[0]?.type ?? 'put'
  if (writes.length < 2) return type
  return writes.every(write => write.type === type) ? `BATCH ${type}` : 'BATCH'
}

/** How many operations a call has; for a page of a scan, only the answer tells. */
export const sizeOf = (call: EngineCall): number =>
  call.type === 'scan' ? 1 : call.type === 'read' ? call.keys.length : call.writes.length

/** How many entries an answer has. */
export function rowsOf(results: readonly EngineResult[]): number {
  let rows = 0
  for (const result of results) if (result !== undefined && !(result instanceof KVError)) rows++
  return rows
}

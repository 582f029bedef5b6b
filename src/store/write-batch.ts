import type { SingleWrite } from './operations.ts'

/** Single writes that are in flight together. */
export class WriteBatch {
  readonly operations: SingleWrite[] = []
  bytes = 0
  /** The latest deadline. */
  latest = 0

  push(operation: SingleWrite): void {
    this.operations.push(operation)
    this.bytes += operation.bytes
    if (operation.deadline > this.latest) this.latest = operation.deadline
  }
}

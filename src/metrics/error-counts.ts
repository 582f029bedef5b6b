/** The name under which an error is counted: its `code`, or else its `name`. */
export const codeOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return typeof error
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'name' in error && typeof error.name === 'string' ? error.name : 'Error'
}

/** Stands for any error thrown by the user's functions. */
export const CALLBACK_FAILED = { code: 'CALLBACK' } as const

/** How often each error occurred. */
export class ErrorCounts {
  readonly #counts = new Map<string, number>()

  count(error: unknown): void {
    const code = codeOf(error)
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
  }

  add(other: ErrorCounts): void {
    for (const [code, count] of other.#counts) this.#counts.set(code, (this.#counts.get(code) ?? 0) + count)
  }

  reset(): void {
    this.#counts.clear()
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }
}

/** A chart, as the page carries it. */
export interface PageChart {
  readonly id: string
  readonly unit: string
  /** The bars; empty for curves. */
  readonly labels: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
  /** Of curves. */
  readonly points?: readonly number[]
  readonly pointUnit?: string
}

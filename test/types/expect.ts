/** Whether two types are the same, `any` and `unknown` told apart. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/**
 * `type<Expected>()(value)` compiles only where the type of `value` is exactly `Expected`. The files of this folder are
 * not run: the compiler tests them (`npm run check`), wrong uses by `@ts-expect-error`.
 */
export declare const type: <Expected>() => <Actual>(
  value: Actual,
  ...same: Same<Actual, Expected> extends true ? [] : [{ expected: Expected; actual: Actual }]
) => void

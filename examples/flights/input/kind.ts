/** What is made of the records of a file. */
export interface Kind<T> {
  /** The fields that are needed, for formats that can leave out the others. */
  readonly columns: readonly string[]
  /**
   * Throws what is wrong with a record; its place in the file is added.
   *
   * @param position 1 for the first of the input
   * @param bytes what it takes of the input
   */
  of(fields: unknown, position: number, bytes: number): T
}

/** Runs `read`; what it throws is said to be at that place of the file. */
export function at<T>(file: string, place: () => string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`${file}, ${place()}: ${(error as Error).message}`, { cause: error })
  }
}

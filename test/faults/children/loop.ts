/*
 * A process loop over the numbers from `start` on, which notes under each key the numbers that it has seen. Prints each
 * output as it comes: the number. Arguments: the store, the root, `start`.
 */
import { writeSync } from 'node:fs'
import { json, processKV, pull$, zookeeperStore } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'

const [, , where, root, start] = process.argv as unknown as [string, string, string, string, string]
const value = json<number[]>()
const store = where.startsWith('/')
  ? lmdbStore({ path: where, root, value })
  : zookeeperStore({ servers: where, root, value, sessionTimeout: 2000 })

function* numbers(): Generator<number> {
  for (let number = Number(start); ; number++) yield number
}

/** Writes at once, so that nothing is said to be emitted that a kill can still take back. */
function print(line: string): void {
  for (;;) {
    try {
      writeSync(1, line)
      return
    } catch (error) {
      // The pipe is full: whoever reads it is busy.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

pull$(numbers())
  .pipe(
    processKV(
      store,
      number => `key-${number % 60}`,
      (number, seen = []) => [...seen, number],
      { commitSize: 64, project: number => number },
    ),
  )
  .subscribe(number => print(`${number}\n`))

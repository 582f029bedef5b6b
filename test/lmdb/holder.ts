/** Takes the write lock of the folder that it is given and holds it until it is killed. */
import { writeSync } from 'node:fs'
import { open } from 'lmdb'

const database = open(process.argv[2]!, { noSubdir: false })
database.transactionSync(() => {
  writeSync(1, 'locked\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})

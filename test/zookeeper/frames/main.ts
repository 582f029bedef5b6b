/**
 * Prints each frame between clients and a ZooKeeper server: `npm run frames -- localhost:2181`, then open the store on the
 * port that it names.
 */
import { tap } from './tap.ts'

const [, host, port] = /^(.+):(\d+)$/.exec(process.argv[2] ?? '') ?? []
if (host === undefined) {
  console.error('usage: npm run frames -- HOST:PORT [PORT TO LISTEN ON]')
  process.exit(2)
}
const listening = await tap({ host, port: Number(port) }, console.log, Number(process.argv[3] ?? 0))
console.log(`listening on 127.0.0.1:${listening.port}`)

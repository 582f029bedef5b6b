/* Moves a store and prints each phase that it comes to, and each page. Arguments: the URLs of the old and the new place. */
import { lastValueFrom, tap } from 'rxjs'
import { moveStore$ } from 'rxkeeper'

const [from, to] = process.argv.slice(2) as [string, string]
const print = (text: string): void => void process.stdout.write(`${text}\n`)
await lastValueFrom(moveStore$({ from, to }).pipe(tap(({ phase, entries }) => print(`${phase} ${entries}`))))

/* Pauses a store, says so, and does nothing more. Argument: the URL of the store. */
import { firstValueFrom } from 'rxjs'
import { pauseStore$ } from 'rxkeeper'

await firstValueFrom(pauseStore$({ store: process.argv[2]! }))
process.stdout.write('paused\n')

#!/usr/bin/env node
// A store's URL may have a password: hide the arguments from `ps` first of all.
process.title = 'rxkeeper'

const { main } = await import('./program.ts')
await main(process.argv.slice(2))

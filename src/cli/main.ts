#!/usr/bin/env node
// A store's URL may have a password: before all else, the arguments are hidden from `ps`.
process.title = 'rxkeeper'

const { main } = await import('./program.ts')
await main(process.argv.slice(2))

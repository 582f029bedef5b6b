/**
 * `rxkeeper/testing`: real servers, faults, the contract suite of stores, arbitraries and a model for property-based tests.
 */
export * from './testing/ensemble.ts'
export { type Address, fourLetterWord, type ServerMode } from './testing/four-letter.ts'
export * from './testing/installation.ts'
export * from './testing/server.ts'
export * from './testing/servers.ts'

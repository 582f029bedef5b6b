/**
 * `rxkeeper/testing`: real servers, faults, the contract suite of stores, arbitraries and a model for property-based tests.
 */
export type { Faults } from './testing/carrier.ts'
export type { Capabilities, StorePlace } from './testing/contract/place.ts'
export { type ContractOptions, kvStoreContract, type TestRunner } from './testing/contract.ts'
export * from './testing/ensemble.ts'
export { type Address, fourLetterWord, type ServerMode } from './testing/four-letter.ts'
export * from './testing/installation.ts'
export * from './testing/proxy.ts'
export { type ServerOptions, ZooKeeperServer } from './testing/server.ts'
export * from './testing/servers.ts'

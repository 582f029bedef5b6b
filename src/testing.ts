/**
 * `rxkeeper/testing`: real servers, faults, the contract suite of stores, arbitraries and a model for property-based
 * tests.
 */

export { type Arbitraries, arbitraries, type OperationsOptions } from './testing/arbitraries.ts'
export type { FaultsOptions } from './testing/arbitrary-faults.ts'
export type { MemberEvent, MembershipsOptions } from './testing/arbitrary-memberships.ts'
export { CertificateAuthority, type CertificateOptions, type Identity } from './testing/authority.ts'
export type { Faults } from './testing/carrier.ts'
export type { Capabilities, StorePlace } from './testing/contract/place.ts'
export { type ContractOptions, kvStoreContract, type TestRunner } from './testing/contract.ts'
export * from './testing/ensemble.ts'
export { explain, type Performed } from './testing/explain.ts'
export { type FaultyStoreOptions, faultyStore } from './testing/faulty-store.ts'
export { type Address, fourLetterWord, type ServerMode } from './testing/four-letter.ts'
export { type FaultTarget, inflictFaults } from './testing/inflict-faults.ts'
export type { ContractRecord, InputPlace } from './testing/input-contract/place.ts'
export { type InputContractOptions, partitionedInputContract } from './testing/input-contract.ts'
export * from './testing/installation.ts'
export { type MemoryInput, type MemoryInputOptions, memoryInput } from './testing/memory-input.ts'
export { type MemoryProcess, type MemoryProcessOptions, memoryProcess } from './testing/memory-process.ts'
export { KVModel } from './testing/model.ts'
export { type Operation, type Outcome, performOperation } from './testing/operations.ts'
export * from './testing/proxy.ts'
export { type ServerOptions, ZooKeeperServer } from './testing/server.ts'
export * from './testing/servers.ts'
export {
  type SimulatedLines,
  type SimulatedProcess,
  type SimulatedServer,
  type Simulation,
  type SimulationOptions,
  simulate,
} from './testing/simulate.ts'
export type { OtherWrite, Outage, Slowness, StoreFault } from './testing/store-faults.ts'

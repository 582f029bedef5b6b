export { KVError, type KVErrorCode, type KVErrorDetails } from './base/errors.ts'
export {
  bytes,
  type Codec,
  type EncryptedOptions,
  encrypted,
  json,
  type KeylessCodec,
  type KeyMaterial,
  type Keyring,
  type KeyringKeys,
  type KeyringOptions,
  openKeyring,
  text,
  type VersionedCodec,
  versioned,
} from './codecs.ts'
export type {
  ConnectionState,
  Due,
  Engine,
  EngineLimits,
  ExpectedVersion,
  KeySpan,
  Movable,
  NodeEntry,
  Nodes,
  Parts,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  WriteDue,
  Written,
} from './contract/engine.ts'
export type {
  DueState,
  Fence,
  OwnedPartition,
  PartitionState,
  Taken,
} from './contract/owned-partition.ts'
export { MemoryEngine } from './engines/memory/engine.ts'
export { Memory } from './engines/memory/memory.ts'
export { type MemoryStoreOptions, memoryStore } from './engines/memory/store.ts'
export { openStore } from './engines/open-store.ts'
export { ShardedEngine, type ShardedOptions } from './engines/sharded/engine.ts'
export type { ShardBy } from './engines/sharded/placement.ts'
export { type StoreAclOptions, storeAcl$ } from './engines/store-acl.ts'
export { parseStoreUrl, type StoreAddress, showStoreUrl } from './engines/store-url.ts'
export type { ZooKeeperAccess } from './engines/zookeeper/access.ts'
export type { NodeAcl } from './engines/zookeeper/acl.ts'
export { type TlsFiles, type TlsOptions, tlsFiles } from './engines/zookeeper/session/tls.ts'
export { type ZooKeeperStoreOptions, zookeeperStore } from './engines/zookeeper/store.ts'
export {
  type GroupMember,
  type GroupOptions,
  type GroupPartition,
  type GroupSnapshot,
  group$,
  groupNames$,
} from './groups/group.ts'
export { type OwnPartitionsOptions, ownPartitions$ } from './groups/ownPartitions.ts'
export type { LagOf } from './groups/telling.ts'
export type { PartitionLag } from './groups/tree.ts'
export {
  type Delivered,
  type InputOptions,
  identityOf,
  type Lag,
  type PartitionedInput,
  type Undecodable,
} from './inputs/partitioned-input.ts'
export { type ConfigPlace, type ConfigSource, configEnvironment, configFile } from './jobs/config.ts'
export { job } from './jobs/job.ts'
export type {
  Job,
  JobBase,
  JobContext,
  JobDefinition,
  JobEvent,
  JobFigures,
  JobInput,
  JobPipelineContext,
  JobPipelineDefinition,
  JobPosition,
  JobResult,
  JobRun,
  JobSink,
  RunOptions,
  SinkContext,
  StopReason,
} from './jobs/types.ts'
export {
  type MatchOptions,
  type MeasureOptions,
  measure,
  type SharedMeasureOptions,
} from './metrics/measure.ts'
export { createMeter, type Meter, type MeterOptions } from './metrics/meter.ts'
export {
  type FiguresSource,
  type Publication,
  type PublishedFigures,
  type PublishOptions,
  publishFigures,
} from './metrics/publish.ts'
export type { Figures, Percentiles, Snapshot } from './metrics/snapshot.ts'
export { meterStore, type StoreMeter, type StoreMeterOptions } from './metrics/store-meter.ts'
export type { CallFigures, StatusChange, StoreFigures, StoreSnapshot } from './metrics/store-snapshot.ts'
export type { Comparison, Contents, Difference } from './moves/compare.ts'
export { type CompareEvent, type CompareOptions, compareStores$ } from './moves/compareStores.ts'
export type { MoveProgress } from './moves/move.ts'
export { type MoveOptions, moveStore$ } from './moves/moveStore.ts'
export {
  type PausedStore,
  type PauseOptions,
  pauseStore$,
  type SavepointNode,
} from './moves/pauseStore.ts'
export { restoreNodes$ } from './moves/restoreNodes.ts'
export { deleteKV } from './operators/deleteKV.ts'
export type { EventTimeOptions } from './operators/event-time.ts'
export { type HistoryOptions, historyKV } from './operators/historyKV.ts'
export { insertKV } from './operators/insertKV.ts'
export {
  type Buffered,
  type JoinBuffers,
  type Joined,
  type JoinKVOptions,
  type JoinSide,
  type JoinType,
  joinKV,
  type Sided,
} from './operators/joinKV.ts'
export { joinTableKV, type TableJoinOptions } from './operators/joinTableKV.ts'
export { type JoinTablesOptions, joinTables$ } from './operators/joinTables.ts'
export { type LookupOptions, lookupKV } from './operators/lookupKV.ts'
export type { OperatorOptions, WriteOptions } from './operators/options.ts'
export { perKey } from './operators/perKey.ts'
export {
  type DeadLetter,
  type ProcessOptions,
  processKV,
  type TimedProcessOptions,
} from './operators/processKV.ts'
export { pull$ } from './operators/pull.ts'
export {
  type FinalSession,
  type FinalSessionOptions,
  type Session,
  type SessionOptions,
  type Sessions,
  type SessionUpdate,
  sessionKV,
} from './operators/sessionKV.ts'
export { type Sweep, type SweepOptions, sweep$ } from './operators/sweep.ts'
export { FiredTimer, type TimerOptions, type Timers } from './operators/timers.ts'
export { updateKV } from './operators/updateKV.ts'
export { upsertKV } from './operators/upsertKV.ts'
export { parseWindowKey, windowKey, windowPrefix } from './operators/windowKey.ts'
export {
  type FinalWindow,
  type FinalWindowOptions,
  type Window,
  type WindowOptions,
  type WindowSpan,
  type WindowUpdate,
  windowKV,
} from './operators/windowKV.ts'
export { type RotateProgress, rotate$ } from './rotation/rotate.ts'
export type {
  AnyStore,
  BytesPut,
  CallOptions,
  Change,
  DeleteOptions,
  Entry,
  KVStore,
  ListOptions,
  Mutation,
  MutationResult,
  PutOptions,
  Range,
  StoreOptions,
  Updated,
} from './store/kv-store.ts'
export { kvStore } from './store/store.ts'

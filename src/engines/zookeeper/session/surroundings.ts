import { connect } from 'node:net'
import { type Timing, timingOf } from '../../../base/timing.ts'
import type { ServerAddress } from './addresses.ts'
import { connectSecured, type Tls } from './tls.ts'

/** What is used of a socket: events as a `net.Socket` or, where it is secured, a `tls.TLSSocket` has them. */
export interface Transport {
  on(event: 'connect' | 'secureConnect' | 'drain' | 'close', listener: () => void): unknown
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  write(bytes: Uint8Array): boolean
  /** Ends the connection at once; `close` follows in a later turn. */
  destroy(): unknown
}

/**
 * Everything external that the engine uses: time, randomness and the network, so that a simulation can replace them.
 */
export interface Surroundings {
  readonly timing: Timing
  /** A random number from 0 to below 1. */
  random(): number
  /** Starts to connect. */
  connect(address: ServerAddress, tls: Tls | undefined): Transport
}

export const ofTheProcess: Surroundings = {
  timing: timingOf(undefined),
  random: Math.random,
  connect: (address, tls) =>
    tls === undefined ? connect({ ...address, noDelay: true }) : connectSecured(address, tls),
}

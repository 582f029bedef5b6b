import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { timingOf } from '../base/timing.ts'
import { PacketLimit } from '../engines/zookeeper/session/packet-limit.ts'
import { Session } from '../engines/zookeeper/session/session.ts'
import { ofTheProcess } from '../engines/zookeeper/session/surroundings.ts'
import { tlsOf } from '../engines/zookeeper/session/tls.ts'
import type { Address } from './four-letter.ts'

const RECONFIG = 16
const ANY_VERSION = -1n
const RECONFIG_IN_PROGRESS = -14
const NEW_CONFIG_NO_QUORUM = -13

/** What is to become of the members: lines as `server.4=…`, and ids of those that leave. */
export interface Reconfiguration {
  readonly joining?: string
  readonly leaving?: string
}

/** The property of a server by which the user `super` may do everything with this password. */
export const superUser = (password: string): Record<string, string> => ({
  'zookeeper.DigestAuthenticationProvider.superDigest': `super:${createHash('sha1').update(`super:${password}`).digest('base64')}`,
})

const optional = (text: string | undefined): Buffer => {
  const bytes = Buffer.from(text ?? '')
  const length = Buffer.alloc(4)
  length.writeInt32BE(text === undefined ? -1 : bytes.length)
  return Buffer.concat([length, bytes])
}

function reconfigFrame({ joining, leaving }: Reconfiguration): Buffer {
  const body = [optional(joining), optional(leaving), optional(undefined), Buffer.alloc(8)]
  body[3]!.writeBigInt64BE(ANY_VERSION)
  const header = Buffer.alloc(12)
  header.writeInt32BE(8 + body.reduce((sum, part) => sum + part.length, 0), 0)
  header.writeInt32BE(RECONFIG, 8)
  return Buffer.concat([header, ...body])
}

/** Asks once; the error code, or `undefined` where the answer was lost. */
async function ask(address: Address, password: string, change: Reconfiguration): Promise<number | undefined> {
  let session: Session | undefined
  try {
    return await new Promise<number | undefined>((resolve, reject) => {
      session = new Session(
        {
          servers: [address],
          timeout: 10_000,
          credentials: { user: 'super', password },
          tls: address.tls && tlsOf(address.tls),
          packetLimit: new PacketLimit(1_048_575),
        },
        {
          connected: () =>
            session!.send({
              type: RECONFIG,
              frame: reconfigFrame(change),
              replied: resolve,
              lost: () => resolve(undefined),
            }),
          disconnected: () => {},
          event: () => {},
          eventsEnd: () => {},
          failed: reject,
        },
        { ...ofTheProcess, timing: timingOf(undefined) },
      )
      session.start()
    })
  } finally {
    await session?.close()
  }
}

/** Changes who is in the ensemble of the server at `address`; what is so already stays so. */
export async function reconfigure(
  address: Address,
  password: string,
  change: Reconfiguration,
): Promise<void> {
  for (;;) {
    const error = await ask(address, password, change)
    if (error === 0) return
    // The new member is not up to date yet, or another change is under way.
    if (error !== undefined && error !== RECONFIG_IN_PROGRESS && error !== NEW_CONFIG_NO_QUORUM) {
      throw new Error(`the ensemble could not be reconfigured: ZooKeeper answered ${error}`)
    }
    await sleep(100)
  }
}

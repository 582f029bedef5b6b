import { KVError } from '../../base/errors.ts'
import type { Delivered } from '../partitioned-input.ts'
import { refuse } from '../undecodable.ts'
import { Patience, unlessAborted } from '../waiting.ts'
import { isStreamGone, permanent } from './failures.ts'
import type { JetStreamSession, Link } from './link.ts'
import { LossCheck } from './loss.ts'
import type { NatsInputOptions, NatsLimits, NatsPartition } from './options.ts'
import { Pull } from './pull.ts'

/** How long the server keeps an inactive consumer, in milliseconds. */
const INACTIVE = 60_000

/** What to read, and how. */
export interface NatsReading<T> {
  readonly link: Link
  readonly options: NatsInputOptions<T>
  readonly limits: NatsLimits
  readonly partition: NatsPartition
  readonly after: number | undefined
}

/** A pull, and its session. */
interface Open extends JetStreamSession {
  readonly pull: Pull
  readonly release: () => void
}

/** Opens a consumer after what was read, as long as `wanted`. */
async function open<T>(
  { link, limits, partition }: NatsReading<T>,
  loss: LossCheck,
  wanted: () => boolean,
): Promise<Open> {
  const session = await link.session()
  const { manager, client } = session
  const info = () => manager.streams.info(partition.stream)
  const stream = await info()
  // Another pull may have read further meanwhile.
  if (!wanted()) throw new Error('nobody waits for this consumer')
  loss.begin(stream)
  const { read } = loss
  const consumer = await client.consumers.get(partition.stream, {
    opt_start_seq: read === undefined ? 1 : read + 1,
    inactive_threshold: INACTIVE,
    ...(partition.subject === undefined ? {} : { filter_subjects: partition.subject }),
  })
  const pull: Pull = new Pull(consumer, limits.prefetch, async () => {
    loss.quiet(pull.empty)
    const state = await info()
    if (!pull.over) loss.ends(state)
  })
  // The library would go on by itself after a reconnect. Here every failure is handled the same way: start again after
  // the last message taken.
  const release = link.onLost(() => pull.stop(new Error('the connection was lost')))
  return { ...session, pull, release }
}

/** As {@link open}, unless reading is given up or the connection is lost; a consumer that opens later is closed. */
async function openNow<T>(reading: NatsReading<T>, loss: LossCheck, signal: AbortSignal): Promise<Open> {
  let wanted = true
  const opening = open(reading, loss, () => wanted)
  try {
    return await unlessAborted(signal, reading.link.unlessLost(opening))
  } catch (error) {
    wanted = false
    opening.then(
      late => close(late),
      () => {},
    )
    throw error
  }
}

function close({ release, pull }: Open, reason: unknown = new Error('nobody reads any more')): void {
  release()
  pull.stop(reason)
}

/** Reads a partition, over as many connections and consumers as it takes. */
export async function* read<T>(
  reading: NatsReading<T>,
  signal: AbortSignal,
): AsyncGenerator<Delivered<T, number>, void> {
  const { options, limits, partition, after } = reading
  const { name, stream } = partition
  const loss = new LossCheck(partition, after, options.gone === 'skip')
  const patience = new Patience(limits.timeout, `reading ${name}`, name)
  let current: Open | undefined
  const leave = (reason: unknown): void => {
    if (current !== undefined) close(current, reason)
    current = undefined
  }
  const abort = (): void => leave(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    while (!signal.aborted) {
      try {
        if (current === undefined) {
          current = await openNow(reading, loss, signal)
          patience.succeeded()
        }
        await current.pull.more()
        const next = current.pull.peek()
        if (next !== undefined && loss.mustAsk(next.seq)) {
          const last = current.pull.last!.seq
          loss.answered(await reading.link.unlessLost(current.manager.streams.info(stream)), last)
        }
      } catch (error) {
        leave(error)
        if (signal.aborted) return
        if (isStreamGone(error) && options.gone !== 'skip') throw gone(error, name, stream, loss.read)
        const failure = permanent(error, `reading ${name}`)
        if (failure !== undefined) throw failure
        await patience.failed(error, signal)
        continue
      }
      for (;;) {
        const message = current.pull.peek()
        if (message === undefined || loss.mustAsk(message.seq)) break
        current.pull.shift()
        loss.take(message.seq)
        let record: T
        try {
          record = options.decode(message.data, message)
        } catch (cause) {
          const content = message.data
          await refuse({ partition: name, position: message.seq, content }, cause, options.undecodable)
          continue
        }
        yield { record, position: message.seq }
        if (current === undefined) break
      }
    }
  } finally {
    signal.removeEventListener('abort', abort)
    leave(undefined)
  }
}

function gone(cause: unknown, name: string, stream: string, position: number | undefined): KVError {
  const details = { cause, partition: name, position }
  return position === undefined
    ? new KVError('INVALID_ARGUMENT', `there is no stream ${stream}`, details)
    : new KVError('POSITION_LOST', `the stream ${stream} was deleted`, details)
}

import { KVError } from '../../errors.ts'
import type { Delivered } from '../partitioned-input.ts'
import { refuse } from '../undecodable.ts'
import { Patience, unlessAborted } from '../waiting.ts'
import { isStreamGone, permanent } from './failures.ts'
import type { Link, Session } from './link.ts'
import { LossCheck } from './loss.ts'
import type { NatsInputOptions, NatsLimits, NatsPartition } from './options.ts'
import { Pull } from './pull.ts'

/** How long the server keeps a consumer through which nobody fetches, in milliseconds. */
const INACTIVE = 60_000

/** What is read. */
export interface NatsReading<T> {
  readonly link: Link
  readonly options: NatsInputOptions<T>
  readonly limits: NatsLimits
  readonly partition: NatsPartition
  readonly after: number | undefined
}

/** A pull, and the session that it is on. */
interface Open extends Session {
  readonly pull: Pull
  readonly release: () => void
}

async function open<T>({ link, limits, partition }: NatsReading<T>, loss: LossCheck): Promise<Open> {
  const session = await link.session()
  const { manager, client } = session
  await loss.begin(manager)
  const { read } = loss
  const consumer = await client.consumers.get(partition.stream, {
    opt_start_seq: read === undefined ? 1 : read + 1,
    inactive_threshold: INACTIVE,
    ...(partition.subject === undefined ? {} : { filter_subjects: partition.subject }),
  })
  const pull: Pull = new Pull(consumer, limits.prefetch, () => loss.idle(manager, pull.empty))
  // The library would go on after a reconnect by itself. Here each trouble has the one way out: from the last taken on.
  const release = link.onLost(() => pull.stop(new Error('the connection was lost')))
  return { ...session, pull, release }
}

/** As {@link open}; what comes after the abort is closed again. */
function openUnlessAborted<T>(reading: NatsReading<T>, loss: LossCheck, signal: AbortSignal): Promise<Open> {
  const opening = open(reading, loss)
  opening.then(
    ({ release, pull }) => {
      if (!signal.aborted) return
      release()
      pull.stop(signal.reason)
    },
    () => {},
  )
  return unlessAborted(signal, opening)
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
    current?.release()
    current?.pull.stop(reason)
    current = undefined
  }
  const abort = (): void => leave(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    while (!signal.aborted) {
      try {
        if (current === undefined) {
          current = await openUnlessAborted(reading, loss, signal)
          patience.succeeded()
        }
        await current.pull.more()
        const next = current.pull.peek()
        if (next !== undefined && loss.mustAsk(next.seq))
          await loss.ask(current.manager, current.pull.last!.seq)
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
    leave(new Error('reading has ended'))
  }
}

function gone(cause: unknown, name: string, stream: string, position: number | undefined): KVError {
  const details = { cause, partition: name, position }
  return position === undefined
    ? new KVError('INVALID_ARGUMENT', `there is no stream ${stream}`, details)
    : new KVError('POSITION_LOST', `the stream ${stream} was deleted`, details)
}

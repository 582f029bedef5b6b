import type { ConsumerInfo } from '@nats-io/jetstream'
import { isConsumerGone } from './failures.ts'
import type { Link } from './link.ts'
import type { NatsPartition } from './options.ts'

/** A subject encoded as the name of a consumer, which may have no dots or wildcards: as in a mail header, `=2E`. */
const encoded = (name: string): string =>
  name.replace(
    /[^A-Za-z0-9_-]/g,
    sign => `=${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}`,
  )

/**
 * Makes a durable consumer that begins after the committed position, so that the server counts the lag as its pending
 * messages. Nobody reads through it. The start of a consumer cannot be changed, so it is deleted and created anew, now
 * and then. (Acknowledging a message that it never delivered would not change that count.)
 */
export async function markLag(
  link: Link,
  { stream, subject }: NatsPartition,
  prefix: string,
  position: number,
): Promise<void> {
  const name = subject === undefined ? prefix : `${prefix}-${encoded(subject)}`
  const { consumers } = (await link.session()).manager
  const present = await consumers.info(stream, name).catch(absent)
  const start = position + 1
  if (present !== undefined) {
    // Another process may be further.
    if ((present.config.opt_start_seq ?? 0) >= start) return
    await consumers.delete(stream, name)
  }
  await consumers.add(stream, {
    durable_name: name,
    description: 'Shows what is not processed yet; nobody reads through it',
    deliver_policy: 'by_start_sequence',
    opt_start_seq: start,
    ack_policy: 'none',
    ...(subject === undefined ? {} : { filter_subject: subject }),
  })
}

function absent(error: unknown): ConsumerInfo | undefined {
  if (isConsumerGone(error)) return undefined
  throw error
}

import { type Party, Rank } from './clock.ts'
import type { Line, Receiver } from './line.ts'
import type { Network } from './network.ts'
import { sent } from './pace.ts'

/** One direction of a line: pieces arrive in order, split and joined as TCP may do. */
export class Flow {
  readonly #network: Network
  readonly #line: Line
  readonly #party: Party
  readonly #receiver: { readonly data: Receiver['data']; readonly end: () => void }
  /** The pieces in flight; `undefined` is the end. */
  #queue: (Buffer | undefined)[] = []
  #last = 0
  #ended = false
  /** The number of bytes in flight. */
  bytes = 0

  constructor(
    network: Network,
    line: Line,
    party: Party,
    receiver: { readonly data: Receiver['data']; readonly end: () => void },
  ) {
    this.#network = network
    this.#line = line
    this.#party = party
    this.#receiver = receiver
  }

  send(bytes: Buffer): void {
    if (this.#ended) return
    const { random } = this.#network
    const at = random.chance(0.1) ? random.below(bytes.length) : 0
    if (at > 0) {
      this.#push(bytes.subarray(0, at), 0)
      this.#push(bytes.subarray(at), random.between(0, 20))
    } else this.#push(bytes, 0)
  }

  end(): void {
    if (this.#ended) return
    this.#push(undefined, 0)
    this.#ended = true
  }

  /** Drops everything in flight. */
  drop(): void {
    this.#ended = true
    this.#queue = []
    this.bytes = 0
  }

  #push(piece: Buffer | undefined, extra: number): void {
    const size = piece?.length ?? 0
    const { clock } = this.#network
    const pace = this.#network.pace(this.#line.client, this.#line.host)
    this.#queue.push(piece)
    this.bytes += size
    this.#last = sent(size, Math.max(this.#last, clock.now + pace.latency + extra), pace)
    this.#arrive(this.#last - clock.now)
  }

  #arrive(delay: number): void {
    this.#party.after(delay, this.#next, Rank.arrival)
  }

  readonly #next = (): void => {
    if (this.#queue.length === 0) return
    const { clock, random } = this.#network
    const { stalledUntil } = this.#network.pace(this.#line.client, this.#line.host)
    if (stalledUntil > clock.now) {
      this.#arrive(stalledUntil - clock.now)
      return
    }
    const piece = this.#queue.shift()
    if (piece === undefined) {
      this.#receiver.end()
      return
    }
    const pieces = [piece]
    while (this.#queue[0] !== undefined && random.chance(0.3)) pieces.push(this.#queue.shift()!)
    const chunk = pieces.length === 1 ? piece : Buffer.concat(pieces)
    this.bytes -= chunk.length
    this.#line.arrived()
    this.#receiver.data(chunk)
  }
}

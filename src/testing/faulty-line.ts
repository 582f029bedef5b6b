import { BehaviorSubject, Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { ConnectionState, Status } from '../contract/engine.ts'
import { type Moment, momentOf, type Outage, type StoreFault, turnsOf } from './store-faults.ts'

/** A request to be carried out and answered, over as many connections as it takes. */
export interface Call {
  /** In milliseconds, by the timing. */
  readonly deadline: number
  /** It was sent: from now on it may be carried out. */
  sent(): void
  /** It arrives, is carried out and answered. If it was given up meanwhile, nobody gets the answer. */
  arrive(): void
  /** The connection was cut while it was in flight. */
  cut(unanswered: Outage['unanswered']): void
  /** The session has expired. */
  expired(): void
  /** Gives up. The call itself decides whether it may have been carried out. */
  abandon(reason: KVError): void
}

/** Options of {@link Line}. */
export interface LineOptions {
  readonly faults: readonly StoreFault[]
  /** The latency of an answer, without faults. */
  readonly latency: number
  readonly timing: Timing
  /** Another client writes a key. */
  readonly otherWrite: (key: string) => void
  /** The session has expired. */
  readonly expired: () => void
}

/** A connection to a server, with faults: requests arrive in order, unless the connection is cut. */
export class Line {
  readonly status$: BehaviorSubject<Status> = new BehaviorSubject<Status>({
    state: 'connected',
    reason: 'no fault',
  })
  readonly #timing: Timing
  readonly #latency: number
  readonly #expired: () => void
  readonly #schedule = new Subscription()
  /** Calls neither answered nor given up, in order, each with the timer of its deadline. */
  readonly #calls = new Map<Call, Subscription>()
  /** Calls sent but not arrived, in order, including those given up since. */
  #onTheWay: Call[] = []
  #arrivals = new Subscription()
  #lastArrival = 0
  #moment: Moment = { outages: [], slower: 0 }
  #ended: KVError | undefined

  constructor({ faults, latency, timing, otherWrite, expired }: LineOptions) {
    this.#expired = expired
    this.#timing = timing
    this.#latency = latency
    for (const turn of turnsOf(faults)) this.#at(turn, () => this.#turn(momentOf(faults, turn)))
    for (const fault of faults) {
      if (fault.type === 'write') this.#schedule.add(timing.after(fault.at, () => otherWrite(fault.key)))
    }
  }

  get connected(): boolean {
    return this.status$.value.state === 'connected'
  }

  /** Begins a call. */
  start(call: Call): void {
    const now = this.#timing.now()
    if (this.#ended !== undefined) call.abandon(this.#ended)
    else if (call.deadline <= now) call.abandon(this.#late())
    else {
      const giveUp = (): void => this.#abandon(call, this.#late())
      this.#calls.set(call, this.#timing.after(call.deadline - now, giveUp))
      if (this.connected) this.#send(call)
    }
  }

  /** Takes no more calls, and gives up those that wait for the connection; calls `closed` when the others are done. */
  close(): void {
    if (this.#ended !== undefined) return
    const reason = new KVError('CLOSED', 'the store is closed')
    this.#ended = reason
    if (!this.connected) for (const call of [...this.#calls.keys()]) this.#abandon(call, reason)
    this.#endWhenIdle()
  }

  /** Faults at the beginning hold before the first call. */
  #at(turn: number, work: () => void): void {
    if (turn === 0) work()
    else this.#schedule.add(this.#timing.after(turn, work))
  }

  #turn(moment: Moment): void {
    const { outages } = moment
    this.#moment = moment
    if (outages.length === 0) {
      if (!this.connected) this.#connect()
      return
    }
    const reason = outages.map(({ type, at, lasts }) => `${type} from ${at} to ${at + lasts} ms`).join(', ')
    if (this.connected) this.#cut(outages, reason)
    if (this.status$.value.state === 'suspended' && outages.some(({ type }) => type === 'lost')) {
      this.#setStatus('lost', reason)
      this.#expired()
      for (const call of this.#calls.keys()) call.expired()
    }
  }

  #connect(): void {
    this.#setStatus('connected', 'the fault is over')
    for (const call of [...this.#calls.keys()]) this.#send(call)
  }

  #cut(outages: readonly Outage[], reason: string): void {
    const cut = this.#onTheWay
    this.#onTheWay = []
    this.#arrivals.unsubscribe()
    this.#arrivals = new Subscription()
    this.#lastArrival = 0
    this.#setStatus('suspended', reason)
    const done = outages.some(({ unanswered }) => unanswered === 'done')
    for (const call of cut) call.cut(done ? 'done' : 'dropped')
  }

  #send(call: Call): void {
    const now = this.#timing.now()
    const arrival = Math.max(now + this.#latency + this.#moment.slower, this.#lastArrival)
    this.#lastArrival = arrival
    this.#onTheWay.push(call)
    call.sent()
    if (arrival <= now) this.#arrive(call)
    else this.#arrivals.add(this.#timing.after(arrival - now, () => this.#arrive(call)))
  }

  /** Calls arrive in the order in which they were sent, whatever the timers of the process do. */
  #arrive(call: Call): void {
    while (this.#onTheWay.includes(call)) {
      const first = this.#onTheWay.shift()!
      this.#forget(first)
      first.arrive()
      this.#endWhenIdle()
    }
  }

  #abandon(call: Call, reason: KVError): void {
    this.#forget(call)
    call.abandon(reason)
    this.#endWhenIdle()
  }

  #forget(call: Call): void {
    this.#calls.get(call)?.unsubscribe()
    this.#calls.delete(call)
  }

  #endWhenIdle(): void {
    if (this.#ended === undefined || this.#calls.size > 0) return
    this.#schedule.unsubscribe()
    this.#arrivals.unsubscribe()
    this.#setStatus('closed', 'closed by the user')
    this.status$.complete()
  }

  #late(): KVError {
    const { state, reason } = this.status$.value
    return new KVError(
      'TIMEOUT',
      state === 'connected' ? 'out of time' : `out of time while ${state} (${reason})`,
    )
  }

  #setStatus(state: ConnectionState, reason: string): void {
    this.status$.next({ state, reason })
  }
}

import { of, VirtualTimeScheduler } from 'rxjs'
import { json, Memory, memoryStore, ownPartitions$ } from 'rxkeeper'
import { faultyStore } from 'rxkeeper/testing'
import { expect, it } from 'vitest'

/** Who owns `p`, and when it came to it or was lost, where the store of one member has a fault. */
function ownersOf(type: 'suspended' | 'lost'): string[] {
  const scheduler = new VirtualTimeScheduler()
  const memory = new Memory()
  const common = { value: json<number>(), memory, scheduler }
  const faulty = faultyStore({ ...common, faults: [{ type, at: 100, lasts: 400, unanswered: 'dropped' }] })
  const told: string[] = []
  const join = (store: typeof faulty, member: string) =>
    ownPartitions$(store, { group: 'g', partitions$: of(['p']), member }).subscribe(({ lost$ }) => {
      told.push(`${member} owns it`)
      lost$.subscribe(({ code }) => told.push(`${member} lost it at ${scheduler.now()}: ${code}`))
    })
  join(faulty, 'faulty')
  scheduler.schedule(() => join(memoryStore(common), 'other'), 50)
  scheduler.flush()
  return told
}

it('a member whose session is lost loses its partitions to another, and they stay there', () => {
  expect(ownersOf('lost')).toEqual(['faulty owns it', 'faulty lost it at 100: FENCED', 'other owns it'])
})

it('a member that is only cut off for a while keeps its partitions', () => {
  expect(ownersOf('suspended')).toEqual(['faulty owns it'])
})

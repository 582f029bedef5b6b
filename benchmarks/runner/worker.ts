import { cpuSecondsOf, peakMemory } from './machine.ts'
import type { Order, Report, Round } from './messages.ts'
import { lessIsBetter, type Outside, type Task } from './question.ts'
import { questions } from './questions.ts'
import { median } from './statistics.ts'

/*
 * The process of a contender that runs in Node.
 */

const tell = (report: Report): void => void process.send!(report)

const MEGABYTE = 1024 * 1024
const collectGarbage = (globalThis as { gc?: () => void }).gc

let task: Task | undefined
let pids: readonly number[] = []
let latencies = false
let heaps = false
let written: () => void = () => {}

const outside: Outside = {
  write: (count, stamp) =>
    new Promise(resolve => {
      written = resolve
      tell({ is: 'write', count, stamp })
    }),
}

const clientCpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function round(milliseconds: number): Promise<Round> {
  const { before, after } = task!
  const samples: number[] = []
  let operations = 0
  let seconds = 0
  let clientCpu = 0
  let serverCpu = 0
  do {
    await before?.()
    const server = cpuSecondsOf(pids)
    const client = clientCpuSeconds()
    const begun = performance.now()
    operations += await task!.pass(samples)
    seconds += (performance.now() - begun) / 1000
    clientCpu += clientCpuSeconds() - client
    serverCpu += cpuSecondsOf(pids) - server
    await after?.()
  } while (seconds * 1000 < milliseconds)
  // Only where the heap is shown: what comes after it would begin with a cold heap.
  if (heaps) collectGarbage?.()
  return {
    operations,
    seconds,
    clientCpu,
    serverCpu,
    heap: process.memoryUsage().heapUsed / MEGABYTE,
    peakMemory: peakMemory(),
    ...(latencies ? { latency: median(samples) } : {}),
  }
}

async function carryOut(order: Order): Promise<void> {
  switch (order.do) {
    case 'open': {
      const comparison = questions
        .flatMap(question => question.comparisons)
        .find(each => each.name === order.work)!
      const { run } = comparison.contenders.find(({ name }) => name === order.contender)!
      if (typeof run !== 'function') throw new Error('this contender is no Node program')
      pids = order.place.pids
      heaps = comparison.measure === 'heap' || comparison.points !== undefined
      latencies = lessIsBetter(comparison) && comparison.measure === 'latency'
      task = await run(order.place, outside)
      tell({ is: 'opened', pid: process.pid })
      return
    }
    case 'round':
      tell({ is: 'round', round: await round(order.milliseconds) })
      return
    case 'written':
      written()
      return
    case 'close':
      await task?.close?.()
      tell({ is: 'closed' })
      process.disconnect()
  }
}

process.on('message', (order: Order) => {
  carryOut(order).catch((error: unknown) => {
    tell({ is: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  })
})
process.on('disconnect', () => process.exit())

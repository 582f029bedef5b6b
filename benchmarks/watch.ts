import { connectOurs } from './contenders/ours.ts'
import { type Connect, singles } from './contenders/single.ts'
import { framesOf, readFrame, Wire } from './contenders/wire.ts'
import type { Comparison, Outside, Place, Question, Task } from './runner/question.ts'
import { keyAt } from './runner/work.ts'

const KEYS = 5000
/** How many keys a frame of the bare socket asks for. */
const GROUP = 250
/** Each pass another client writes every key, with the number of the pass. */
const stampOf = (pass: number): string => `pass-${String(pass).padStart(6, '0')}`

/** Whether the value begins with the stamp, which is ASCII. */
function begins(value: Uint8Array, stamp: string): boolean {
  for (let i = 0; i < stamp.length; i++) if (value[i] !== stamp.charCodeAt(i)) return false
  return true
}

/** Counts the keys whose value has reached the current pass. */
class Delivered {
  #stamp = ''
  #seen = new Set<string>()
  #done: () => void = () => {}
  #pass = 0

  see(key: string, value: Uint8Array | undefined): void {
    if (value === undefined || !begins(value, this.#stamp)) return
    this.#seen.add(key)
    if (this.#seen.size === KEYS) this.#done()
  }

  async pass(outside: Outside): Promise<number> {
    this.#stamp = stampOf(++this.#pass)
    this.#seen = new Set()
    const all = new Promise<void>(resolve => {
      this.#done = resolve
    })
    await outside.write(KEYS, this.#stamp)
    await all
    return KEYS
  }
}

export async function watches({ servers, root, tls }: Place, outside: Outside): Promise<Task> {
  const store = await connectOurs(servers, root, { tls })
  const delivered = new Delivered()
  await new Promise<void>((resolve, reject) => {
    let first = 0
    for (let i = 0; i < KEYS; i++) {
      const key = keyAt(i)
      let seen = false
      store.watch$(key).subscribe({
        next: value => {
          delivered.see(key, value)
          if (!seen && ++first === KEYS) resolve()
          seen = true
        },
        error: reject,
      })
    }
  })
  return { pass: () => delivered.pass(outside), close: () => store.close() }
}

async function changes({ servers, root }: Place, outside: Outside): Promise<Task> {
  const store = await connectOurs(servers, root)
  const delivered = new Delivered()
  await new Promise<void>((resolve, reject) => {
    store.changes$().subscribe({
      next: change => {
        if (change.type === 'put') delivered.see(change.key, change.value)
        else if (change.type === 'synced') resolve()
      },
      error: reject,
    })
  })
  return { pass: () => delivered.pass(outside), close: () => store.close() }
}

/** Arms the watch again with each read, as ZooKeeper's one-shot watches want it. */
const rearming =
  (connect: Connect) =>
  async ({ servers, root }: Place, outside: Outside): Promise<Task> => {
    const client = await connect(servers)
    const delivered = new Delivered()
    await new Promise<void>((resolve, reject) => {
      let first = 0
      const read = (key: string, again: boolean): void =>
        client.watch(
          `${root}/${key}`,
          () => read(key, true),
          (error, data) => {
            if (error) return reject(error)
            delivered.see(key, data)
            if (!again && ++first === KEYS) resolve()
          },
        )
      for (let i = 0; i < KEYS; i++) read(keyAt(i), false)
    })
    return { pass: () => delivered.pass(outside), close: async () => client.close() }
  }

/** Asks for the keys in the order in which they are written, each time as many as have changed meanwhile make a frame. */
async function wire({ servers, root }: Place, outside: Outside): Promise<Task> {
  const client = await Wire.connect(servers)
  const paths = Array.from({ length: KEYS }, (_, i) => `${root}/${keyAt(i)}`)
  const frames = framesOf(paths, GROUP, readFrame)
  let events = 0
  let asked = 0
  let answered = 0
  let done: () => void
  await client.watch(root, () => {
    if (++events % GROUP > 0 && events < KEYS) return
    void client.sendAll([frames[asked++]!], 1).then(() => {
      if (++answered === frames.length) done()
    })
  })
  return {
    async pass() {
      events = asked = answered = 0
      const all = new Promise<void>(resolve => {
        done = resolve
      })
      await outside.write(KEYS, stampOf(0))
      await all
      return KEYS
    },
    close: async () => client.close(),
  }
}

export const watchComparison: Comparison = {
  name: 'watch',
  title: 'Watches: 5,000 updates by another client, every key watched, until the last value is delivered',
  unit: 'values/s',
  server: 'zookeeper',
  keys: KEYS,
  contenders: [
    { name: 'rxkeeper/watch$', run: watches },
    { name: 'rxkeeper/changes$', run: changes, notQuick: true },
    { name: 'plain', run: rearming(singles.plain) },
    { name: 'wire', run: wire },
    { name: 'native', run: rearming(singles.native) },
    { name: 'curator', run: { program: 'curator', work: 'watch' } },
    { name: 'kazoo', run: { program: 'kazoo', work: 'watch' } },
  ],
  targets: { plain: 8 },
}

export const watch: Question = {
  name: 'watch',
  about: 'How fast do another client’s updates reach a client that watches every key? All must arrive.',
  comparisons: [watchComparison],
  headlines: ['watch'],
}

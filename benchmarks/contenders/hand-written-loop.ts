import { add, decode, encode, type Item } from '../runner/records.ts'
import { SINGLES_IN_FLIGHT, type SingleClient } from './single.ts'

/**
 * The process loop as one would write it by hand on a client of single requests: reads, computes and writes on the
 * condition of the version read, up to 1,024 records under way, those of one key one after the other.
 */
export function handWrittenLoop(
  client: Pick<SingleClient, 'get' | 'set'>,
  root: string,
  items: readonly Item[],
  from: number,
  count: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    /** Records that wait for an earlier one of their key, by key; a key is here while a record of it is under way. */
    const waiting = new Map<string, Item[]>()
    let next = from
    const end = from + count
    let running = 0
    let held = 0

    const process = (item: Item): void => {
      const path = `${root}/${item.key}`
      client.get(path, (error, data, version) => {
        if (error) return reject(error)
        client.set(path, encode(add(item, decode(data))), version, (failed, conflict) => {
          if (conflict) process(item)
          else if (failed) reject(failed)
          else finish(item.key)
        })
      })
    }
    const finish = (key: string): void => {
      const follower = waiting.get(key)!.shift()
      if (follower !== undefined) {
        held--
        process(follower)
      } else {
        waiting.delete(key)
        running--
      }
      if (next === end && running === 0) resolve(count)
      else begin()
    }
    const begin = (): void => {
      while (running < SINGLES_IN_FLIGHT && held < 8 * SINGLES_IN_FLIGHT && next < end) {
        const item = items[next++ % items.length]!
        const line = waiting.get(item.key)
        if (line !== undefined) {
          line.push(item)
          held++
        } else {
          waiting.set(item.key, [])
          running++
          process(item)
        }
      }
    }
    begin()
  })
}

import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { EventStream } from '../../src/monitor/event-stream.ts'

const frame = EventStream.frame({ type: 'failure', data: 'x'.repeat(500) })

it('a page that reads too slowly is sent nothing more, and an overview when it has caught up', async () => {
  const written: string[] = []
  let read = (): void => {}
  const slow = new Writable({
    highWaterMark: 2_000,
    decodeStrings: false,
    write: (text: string, _, done) => {
      written.push(/^event: (\w+)/.exec(text)?.[1] ?? text.trim())
      read = done
    },
  })
  const stream = new EventStream(() => 'event: overview\n\n', slow as ServerResponse)
  for (let i = 0; i < 1_000; i++) stream.send(frame)
  expect(slow.writableLength).toBeLessThan(5_000)
  for (let length = 0; length < written.length; ) {
    length = written.length
    read()
    await new Promise(setImmediate)
  }
  expect(written.slice(0, 2)).toEqual(['retry: 1000', 'overview'])
  expect(written.length).toBeLessThan(10)
  expect(written.at(-1)).toBe('overview')
})

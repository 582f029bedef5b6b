import { firstValueFrom } from 'rxjs'
import { expect, test } from 'vitest'
import { text, zookeeperStore } from '../../src/index.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { tap } from './frames/tap.ts'

test('a tap on the wire tells of each frame', async () => {
  const root = freshRoot('frames')
  const [host, port] = servers.split(':')
  const lines: string[] = []
  const listening = await tap({ host: host!, port: Number(port) }, line => lines.push(line))
  await using store = zookeeperStore({ servers: `127.0.0.1:${listening.port}`, root, value: text })
  await firstValueFrom(store.put$('alice', 'here'))
  await firstValueFrom(store.get$('alice'))
  await store.close()
  listening.close()
  const told = lines.join('\n')
  expect(told).toMatch(
    /^1 → connect session=0x0 timeout=\d+ lastZxid=0x0\n1 ← connected session=0x[\da-f]+\n/,
  )
  expect(told).toMatch(new RegExp(`→ #\\d+ multi .*\n  create ${root}/alice data="here" flags=0`, 's'))
  expect(told).toMatch(/← #\d+ multi after [\d.]+ ms ok zxid=0x[\da-f]+ \(\d+ bytes\)/)
  expect(told).toMatch(new RegExp(`→ #\\d+ (multiRead .*\n  )?getData ${root}/alice`, 's'))
})

/**
 * `watch$` on a key that another process changes.
 *
 *   npx tsx --conditions=rxkeeper-source examples/watch.ts [STORE-URL]
 *
 * The other process is this same program with a word to write.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom, lastValueFrom, takeWhile, tap } from 'rxjs'
import { openStore, text } from 'rxkeeper'

const [, program, url, word] = process.argv

async function write(storeUrl: string, value: string): Promise<void> {
  await using store = openStore(storeUrl, { value: text })
  await firstValueFrom(store.put$('greeting', value))
}

/** Writes from another process. */
function writeElsewhere(storeUrl: string, value: string): void {
  const options = ['--import', 'tsx', '--conditions=rxkeeper-source']
  spawn(process.execPath, [...options, program as string, storeUrl, value], { stdio: 'inherit' })
}

async function watch(storeUrl: string): Promise<void> {
  await using store = openStore(storeUrl, { value: text })
  await firstValueFrom(store.put$('greeting', 'hello'))
  await lastValueFrom(
    store.watch$('greeting').pipe(
      tap(value => console.log('the greeting is', value)),
      tap(value => {
        if (value === 'hello') writeElsewhere(storeUrl, 'good morning')
        if (value === 'good morning') writeElsewhere(storeUrl, 'goodbye')
      }),
      takeWhile(value => value !== 'goodbye'),
    ),
    { defaultValue: undefined },
  )
}

if (url !== undefined && word !== undefined) await write(url, word)
else if (url !== undefined) await watch(url)
else {
  const folder = await mkdtemp(join(tmpdir(), 'rxkeeper-watch-'))
  await watch(`lmdb:${folder}`).finally(() => rm(folder, { recursive: true, force: true }))
}

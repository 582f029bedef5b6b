import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { install, mayInstall } from './install.ts'

const CHROMIUM = '/usr/bin/chromium'

/** A real browser with nothing in it, as its user would start it; close it when done. */
export async function startChromium(): Promise<{ context: BrowserContext; close(): Promise<void> }> {
  if (!existsSync(CHROMIUM)) {
    if (!mayInstall()) throw new Error(`there is no ${CHROMIUM}; on Debian: sudo apt-get install chromium`)
    install('chromium')
  }
  const folder = mkdtempSync(join(tmpdir(), 'rxkeeper-chromium-'))
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  const close = async (): Promise<void> => {
    await context.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { context, close }
}

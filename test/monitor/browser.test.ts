import type { Page } from 'playwright-core'
import { BehaviorSubject, firstValueFrom } from 'rxjs'
import { bytes, type KVStore, ownPartitions$, zookeeperStore } from 'rxkeeper'
import { type Monitor, serveMonitor } from 'rxkeeper/monitor'
import { startProxy } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startChromium } from '../setup/chromium.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { put, serve } from './support.ts'

let chromium: Awaited<ReturnType<typeof startChromium>>

beforeAll(async () => {
  chromium = await startChromium()
}, 300_000)

afterAll(() => chromium?.close())

/** Opens a page, and fails the test for whatever the browser complains of. */
async function open(url: string, expected = /^$/): Promise<Page> {
  const page = await chromium.context.newPage()
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error' && !expected.test(message.text())) complaints.push(message.text())
  })
  page.on('request', request => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(request.url())
  })
  onTestFinished(async () => {
    await page.close()
    expect(complaints).toEqual([])
  })
  await page.goto(url)
  return page
}

/** A store on the real server, another one that writes to the same root, and a monitor of the first. */
async function monitored(
  through = servers,
): Promise<{ store: KVStore<Uint8Array>; writer: KVStore<Uint8Array>; monitor: Monitor }> {
  const root = freshRoot('monitor')
  const store = zookeeperStore({ servers: through, root, value: bytes })
  const writer = zookeeperStore({ servers, root, value: bytes })
  await firstValueFrom(writer.get$('ready'))
  const monitor = await serveMonitor(store, { port: 0, name: `zookeeper://${servers}${root}` })
  onTestFinished(async () => {
    await monitor.close()
    await Promise.all([store.close(), writer.close()])
  })
  return { store, writer, monitor }
}

const row = (page: Page, list: string, key: string) =>
  page.locator(`#${list} button`, { has: page.locator('.key', { hasText: key }) }).first()
const stateOf = (page: Page): Promise<string | null> => page.locator('#state').textContent()

describe('the page in Chromium', () => {
  it('loads, and shows what changes in ZooKeeper', async () => {
    const { writer, monitor } = await monitored()
    await put(writer, 'alice', '1')
    const page = await open(monitor.url)
    await row(page, 'keys', 'alice').waitFor()
    await expect.poll(() => stateOf(page)).toBe('connected')
    await put(writer, 'alice', '"changed"')
    await row(page, 'changes', 'alice').getByText('"changed"').waitFor()
    await row(page, 'keys', 'alice').getByText('"changed"').waitFor()
    await put(writer, 'bob', '2')
    await row(page, 'keys', 'bob').waitFor()
    await expect.poll(() => page.locator('#keys-count').textContent()).toBe('2 in all')
    await firstValueFrom(writer.delete$('bob'))
    await row(page, 'changes', 'bob').getByText('deleted').waitFor()
    await row(page, 'keys', 'bob').waitFor({ state: 'detached' })
    await page
      .locator('#latency output')
      .getByText(/^[\d.]+$/)
      .waitFor()
    expect(await page.locator('canvas').count()).toBe(3)
  })

  it('shows the groups: who owns what, and that a member has gone', async () => {
    const { writer, monitor } = await monitored()
    const page = await open(monitor.url)
    await page.locator('#groups-card').waitFor({ state: 'hidden' })
    const partitions$ = new BehaviorSubject<readonly string[]>(['p0', '<b>p1'])
    const membership = ownPartitions$(writer, { group: 'orders', partitions$, member: 'me' }).subscribe()
    const group = page.locator('.group')
    await group.locator('tr', { hasText: '<b>p1' }).getByText('me').waitFor()
    expect(await group.locator('h3').textContent()).toContain('orders1 member · 2 partitions')
    expect(await group.locator('tbody').first().locator('td').first().textContent()).toBe('me')
    membership.unsubscribe()
    await group.locator('tr', { hasText: 'p0' }).getByText('nobody').waitFor()
  })

  it('survives that ZooKeeper goes away and comes back', async () => {
    await using proxy = await startProxy(servers)
    const { writer, monitor } = await monitored(proxy.servers)
    await put(writer, 'alice', '1')
    const page = await open(monitor.url, /503/)
    await row(page, 'keys', 'alice').waitFor()
    proxy.set({ connect: 'reset' })
    proxy.reset()
    await expect.poll(() => stateOf(page), { timeout: 20_000 }).toBe('suspended')
    await put(writer, 'alice', '"meanwhile"')
    proxy.set()
    await expect.poll(() => stateOf(page), { timeout: 30_000 }).toBe('connected')
    await row(page, 'changes', 'alice').getByText('"meanwhile"').waitFor()
    expect(await page.locator('#timeline [data-state=suspended]').count()).toBeGreaterThan(0)
  })

  it('survives that the monitor goes away and comes back', async () => {
    const { store, monitor } = await serve()
    await put(store, 'alice', '1')
    const page = await open(monitor.url, /Failed to load resource|ERR_/)
    await row(page, 'keys', 'alice').waitFor()
    await monitor.close()
    await page.locator('#notice', { hasText: 'does not answer' }).waitFor()
    expect(await stateOf(page)).toBe('reconnecting')
    await put(store, 'bob', '2')
    await using again = await serveMonitor(store, { port: monitor.port })
    await row(page, 'keys', 'bob').waitFor()
    await expect.poll(() => stateOf(page)).toBe('connected')
    expect(await page.locator('#notice').isHidden()).toBe(true)
    await put(store, 'carol', '3')
    await row(page, 'changes', 'carol').waitFor()
    expect(again.port).toBe(monitor.port)
  })

  it('shows values and keys with HTML in them as text', async () => {
    const { store, monitor } = await serve()
    const evil = '<img src=x onerror="document.title=\'run\'"><script>document.title="run"</script>'
    const page = await open(monitor.url)
    await page.locator('#keys-empty', { hasText: 'The store is empty' }).waitFor()
    await put(store, evil, evil)
    await put(store, `~figures/${evil}`, '{"interval":1000,"records":{"total":{"errors":{"<b>E</b>":1}}}}')
    await row(page, 'changes', evil).locator('.value', { hasText: evil }).waitFor()
    await row(page, 'keys', evil).locator('.value', { hasText: evil }).waitFor()
    await page.locator('.program', { hasText: evil }).getByText('<b>E</b> × 1').waitFor()
    await page.locator('#sources label', { hasText: evil }).waitFor()
    await row(page, 'keys', evil).click()
    await page.locator('#entry-value', { hasText: evil }).waitFor()
    expect(await page.locator('#main img, #main script, #main b, dialog img').count()).toBe(0)
    expect(await page.title()).not.toBe('run')
  })

  it('goes on whatever a program publishes', async () => {
    const { store, monitor } = await serve()
    const figures = (figure: string): string =>
      `{"at":${figure},"interval":${figure},"records":{"inFlight":${figure},"total":{"records":${figure},"failed":${figure},
        "errors":{"E":${figure}}},"interval":{"throughput":${figure},"availability":${figure},"percentiles":
        {"p50":${figure},"p90":${figure},"p99":${figure}}}},"store":{"total":{"cacheHits":${figure},"cacheMisses":1,
        "reads":{"batchSize":${figure}}}}}`
    const odd = [
      '-1e300',
      '1.7e308',
      '8.64e15',
      '8.7e15',
      '-1',
      '0',
      '1e999',
      '5e-324',
      '"1"',
      'null',
      '{}',
      '[[]]',
    ]
    for (const figure of odd) await put(store, `~figures/of ${figure}`, figures(figure))
    await put(store, '~figures/', figures('1'))
    const page = await open(monitor.url)
    await page.locator('.program.stale', { hasText: 'of -1e300' }).waitFor()
    await put(store, '~figures/__proto__', figures('1'))
    await put(store, '~figures/line\nend', figures('1'))
    for (const figure of odd) {
      await put(store, `~figures/of ${figure}`, figures(figure))
      const source = page.locator('#sources label', { hasText: `of ${figure}` })
      await source.first().click()
      await page.locator('#throughput .readout').hover()
    }
    expect(await page.locator('#sources label').count()).toBe(odd.length + 3)
    expect(await page.locator('.program').count()).toBe(odd.length + 2)
    const before = await page.locator('#timeline-since').textContent()
    await expect.poll(() => page.locator('#timeline-since').textContent()).not.toBe(before)
  })

  it('is used with the keyboard alone', async () => {
    const { store, monitor } = await serve()
    for (const key of ['a-1', 'a-2', 'b-1']) await put(store, key, `{"of":"${key}"}`)
    const page = await open(monitor.url)
    await row(page, 'keys', 'b-1').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('a-')
    await row(page, 'keys', 'b-1').waitFor({ state: 'detached' })
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.locator('#entry-value', { hasText: '"of": "a-2"' }).waitFor()
    await put(store, 'a-2', '"anew"')
    await page.locator('#entry-value', { hasText: '"anew"' }).waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => page.locator('dialog').isVisible()).toBe(false)
    await expect.poll(() => page.evaluate('document.activeElement.textContent')).toContain('a-2')
    // A chart tells its values.
    await page.locator('#throughput output').getByText(/\d/).waitFor()
    await page.locator('#throughput .plot').focus()
    await page.keyboard.press('ArrowLeft')
    await page.locator('#throughput .readout', { hasText: /at \d\d:\d\d:\d\d/ }).waitFor()
  })

  it('pages through the keys', async () => {
    const { store, monitor } = await serve()
    await Promise.all(Array.from({ length: 60 }, (_, i) => put(store, `k${String(i).padStart(2, '0')}`, '1')))
    const page = await open(monitor.url)
    await row(page, 'keys', 'k49').waitFor()
    await page.locator('#next').click()
    await row(page, 'keys', 'k59').waitFor()
    expect(await page.locator('#keys li').count()).toBe(10)
    expect(await page.locator('#next').isDisabled()).toBe(true)
    await page.locator('#previous').click()
    await row(page, 'keys', 'k00').waitFor()
  })

  it('fits a phone, in the colours of the dark', async () => {
    const { store, monitor } = await serve()
    await put(store, 'a-rather-long-key/'.repeat(8), JSON.stringify('value '.repeat(50)))
    const page = await open(monitor.url)
    await page.setViewportSize({ width: 360, height: 740 })
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('#keys li').waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(14, 19, 23)')
  })
})

describe('the token', () => {
  const token = 'a-token-of-some-length'

  it('is taken from the address, and no longer there', async () => {
    const { store, monitor } = await serve({ token })
    await put(store, 'alice', '1')
    const page = await open(`${monitor.url}#token=${token}`)
    await row(page, 'keys', 'alice').waitFor()
    expect(page.url()).toBe(monitor.url)
    await page.reload()
    await row(page, 'keys', 'alice').waitFor()
  })

  it('is asked for when the monitor comes back with another', async () => {
    const { store, monitor } = await serve({ token })
    await put(store, 'alice', '1')
    const page = await open(`${monitor.url}#token=${token}`, /Failed to load resource|ERR_/)
    await row(page, 'keys', 'alice').waitFor()
    await monitor.close()
    await using again = await serveMonitor(store, { port: monitor.port, token: `${token}-anew` })
    await page.getByLabel('Token').fill(again.token!)
    await page.keyboard.press('Enter')
    await row(page, 'keys', 'alice').waitFor()
    await expect.poll(() => stateOf(page)).toBe('connected')
  })

  it('is asked for', async () => {
    const { store, monitor } = await serve({ token })
    await put(store, 'alice', '1')
    const page = await open(monitor.url, /401/)
    await page.getByLabel('Token').fill('not-the-token-at-all')
    await page.keyboard.press('Enter')
    await page.getByText('That is not the token.').waitFor()
    expect(await page.locator('#main').isHidden()).toBe(true)
    await page.getByLabel('Token').fill(token)
    await page.keyboard.press('Enter')
    await row(page, 'keys', 'alice').waitFor()
    expect(await page.locator('#lock').isHidden()).toBe(true)
  })
})

import assert from 'node:assert/strict'
import { bytes, memoryStore } from 'rxkeeper'
import { serveMonitor } from 'rxkeeper/monitor'

const store = memoryStore({ value: bytes })
const monitor = await serveMonitor(store, { port: 0 })
for (const path of ['', 'main.js', 'uPlot.js', 'uPlot.css']) {
  const { status } = await fetch(new URL(path, monitor.url))
  assert.equal(status, 200, path)
}
await monitor.close()
await store.close()

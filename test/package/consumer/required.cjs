const assert = require('node:assert/strict')
const { firstValueFrom } = require('rxjs')
const { memoryStore, text } = require('rxkeeper')
const { startZooKeeper } = require('rxkeeper/testing')
const { version } = require('rxkeeper/package.json')

assert.equal(typeof startZooKeeper, 'function')
assert.match(version, /^\d+\.\d+\.\d+/)
const store = memoryStore({ value: text })
firstValueFrom(store.put$('alice', 'here')).then(entry => {
  assert.deepEqual(entry, { key: 'alice', value: 'here', version: 0 })
  return store.close()
})

import { Memory, memoryStore } from 'rxkeeper'
import { kvStoreContract } from 'rxkeeper/testing'

const cases = []
kvStoreContract({
  name: 'memory',
  durable: true,
  shared: true,
  runner: { describe: (_, body) => body(), it: (name, body) => cases.push([name, body]) },
  place: () => {
    const memory = new Memory()
    return { open: options => memoryStore({ ...options, memory }) }
  },
})
if (cases.length < 100) throw new Error(`the suite has ${cases.length} cases`)
for (const [name, body] of cases) {
  await body().catch(error => {
    throw new Error(name, { cause: error })
  })
}

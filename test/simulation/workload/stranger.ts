import type { Party } from '../../../src/testing/simulation/clock.ts'
import { Op, Permission } from '../../../src/testing/simulation/protocol.ts'
import { type Asked, RawClient } from '../../../src/testing/simulation/raw-client.ts'
import type { World } from '../../../src/testing/simulation/world.ts'
import type { Truth } from '../truth.ts'
import type { Step, Value } from './plan.ts'

const OPEN = [{ perms: Permission.all, scheme: 'world', id: 'anyone' }]

/** Another client, of another make, that writes the same nodes. */
export class Stranger {
  readonly #world: World
  readonly #truth: Truth
  readonly #party: Party
  #client: RawClient | undefined

  constructor(world: World, truth: Truth) {
    this.#world = world
    this.#truth = truth
    this.#party = world.party('stranger')
  }

  async act({ id, root, key, act }: Step & { readonly do: 'stranger' }): Promise<void> {
    const path = this.#truth.layout(root).pathOf(key)
    const value: Value = { by: id, n: 1000 }
    const data = Buffer.from(act === 'garbage' ? '{not json' : JSON.stringify(value))
    const create: Asked = { type: Op.create, path, data, acl: OPEN, flags: 0 }
    const remove: Asked = { type: Op.delete, path, version: -1 }
    switch (act) {
      case 'put':
      case 'garbage': {
        const set = await this.#ask({ type: Op.setData, path, data, version: -1 })
        if (set !== 0) await this.#ask(create)
        break
      }
      case 'delete':
        await this.#ask(remove)
        break
      case 'recreate':
        await Promise.all([this.#ask(remove), this.#ask(create)])
        break
      case 'hide': {
        const owner = [{ perms: Permission.all, scheme: 'auth', id: '' }]
        await this.#ask({ type: Op.auth, scheme: 'digest', auth: Buffer.from('stranger:secret') })
        await this.#ask({ ...create, acl: owner })
      }
    }
  }

  async #ask(request: Asked): Promise<number | undefined> {
    if (this.#client === undefined || this.#client.closed) {
      const { ensemble, network } = this.#world
      const server = ensemble.random.pick(ensemble.servers)
      this.#client = new RawClient(network.connect(this.#party, server.address), { timeout: 30_000 })
    }
    const client = this.#client
    if (!(await client.opened)) return undefined
    return (await client.ask(request))?.code
  }
}

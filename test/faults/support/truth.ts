import { called, connectPlain, type PlainClient, plain } from './plain.ts'

/** What a key holds in the ensemble. */
export interface Held {
  readonly data: string
  readonly version: number
}

/** What an independent client, node-zookeeper-client by itself, finds below `root`, by name. */
export async function contentOf(servers: string, root: string): Promise<Map<string, Held>> {
  const client = await connectPlain(servers)
  try {
    // A session that has written sees all that was committed before.
    await called<string>(done =>
      client.create('/truth-', null, plain.CreateMode.EPHEMERAL_SEQUENTIAL, (error, path) =>
        done(error, path),
      ),
    )
    const names = await called<string[]>(done => client.getChildren(root, done))
    const content = new Map<string, Held>()
    for (const name of names.sort()) {
      // Writer marks, which are no keys.
      if (!name.startsWith('%')) content.set(name, await read(client, `${root}/${name}`))
    }
    return content
  } finally {
    client.close()
  }
}

const read = (client: PlainClient, path: string): Promise<Held> =>
  new Promise((resolve, reject) =>
    client.getData(path, (error, data, stat) =>
      error ? reject(error) : resolve({ data: data.toString(), version: stat.version }),
    ),
  )

/*
 * What node-zookeeper-client does that takes the process with it. Arguments: the servers, and which.
 */
import zookeeper from 'node-zookeeper-client'

const [, , servers, what] = process.argv
const client = zookeeper.createClient(servers, { sessionTimeout: 10_000, spinDelay: 50 })
const say = message => process.stdout.write(`${message}\n`)

const does = {
  reads: () => client.getData('/k', error => say(`answered ${error?.name ?? ''}`)),
  'retries at once': () => {
    const again = error => {
      if (error) client.getData('/k', again)
    }
    client.getData('/k', again)
    setInterval(() => say('alive'), 20)
  },
  'has a watcher that throws': () => {
    process.on('uncaughtException', error => say(error.message))
    const watcher = () => {
      throw new Error('thrown by the watcher')
    }
    client.getData('/k', watcher, () => {
      say('watching')
      client.getData('/k', () => say('answered'))
    })
  },
}
client.once('connected', does[what])
client.connect()

import { job, json } from 'rxkeeper'

const definition = {
  name: 'configured-job',
  value: json(),
  store: 'memory:',
  input: [{ user: 'alice' }],
  keyOf: ({ user }, config) => `${config.prefix ?? 'none'} ${user}`,
  transform: (_user, _count, config) => config.step ?? 0,
  project: (_, value) => value,
}

const made = job(definition)

export { made as job }

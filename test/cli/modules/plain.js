import { job, json } from 'rxkeeper'

export default job({
  name: 'plain',
  value: json(),
  keyOf: ({ user }) => user,
  transform: (_, count = 0) => count + 1,
  project: ({ user }, count) => ({ user, count }),
})

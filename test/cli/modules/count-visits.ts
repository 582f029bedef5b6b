import { job, json } from 'rxkeeper'
export default job({
  name: 'count-visits',
  value: json<number>(),
  keyOf: (visit: { user: string }) => visit.user,
  transform: (_, count = 0) => count + 1,
})

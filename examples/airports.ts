/**
 * A job in ten lines: counts flights by the airport they leave from.
 *
 *   npx rxkeeper process examples/airports.ts --input node_modules/vega-datasets/data/flights-20k.json --output none
 */
import { job, json } from 'rxkeeper'

export default job({
  name: 'airports',
  value: json<{ flights: number; late: number }>(),
  keyOf: (flight: { origin: string; delay: number }) => flight.origin,
  transform: ({ delay }, sum = { flights: 0, late: 0 }) => ({
    flights: sum.flights + 1,
    late: delay > 15 ? sum.late + 1 : sum.late,
  }),
})

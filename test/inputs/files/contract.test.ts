import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { filesInput } from 'rxkeeper/inputs/files'
import { type ContractRecord, partitionedInputContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { makeFolder } from './folder.ts'

/** How the records of the contract are written in a format, and read. */
const FORMATS = {
  ndjson: {
    header: '',
    write: (record: ContractRecord) => `${JSON.stringify(record)}\n`,
    decode: undefined,
    undecodable: '{"n":1,\n',
  },
  csv: {
    header: 'n,text\r\n',
    write: ({ n, text }: ContractRecord) => `${n},"${text.replaceAll('"', '""')}"\n`,
    decode: (fields: unknown) => {
      const { n, text } = fields as { n: string; text: string }
      return { n: Number(n), text }
    },
    undecodable: '1\n',
  },
} as const

for (const format of ['ndjson', 'csv'] as const) {
  for (const follow of [false, true]) {
    const { header, write, decode, undecodable } = FORMATS[format]
    partitionedInputContract<number>({
      name: `${format} files${follow ? ' that grow' : ''}`,
      bounded: !follow,
      fastCheck: fc,
      runner: { describe, it },
      badOptions: {
        'no files': () => filesInput({ files: [] }),
        'an empty name': () => filesInput({ files: '' }),
        'an unknown format': () => filesInput({ files: 'a', format: 'xml' as 'csv' }),
        'a delimiter of two characters': () => filesInput({ files: 'a', csv: { delimiter: '||' } }),
        'a column twice': () => filesInput({ files: 'a', csv: { columns: ['a', 'a'] } }),
        'parts of no bytes': () => filesInput({ files: 'a', partitionBytes: 0 }),
        'records of no bytes': () => filesInput({ files: 'a', maxRecordBytes: 0 }),
        'half an interval': () => filesInput({ files: 'a', follow: true, interval: 0.5 }),
      },
      place: async count => {
        const { path: cwd, remove } = makeFolder()
        const names = Array.from({ length: count }, (_, i) => `p${i}.${format}`)
        for (const name of names) await writeFile(join(cwd, name), header)
        const partitionOf = (name: string): string => (format === 'ndjson' ? `${name}#0-67108864` : name)
        const fileOf = (partition: string): string => join(cwd, partition.replace(/#.*/, ''))
        return {
          partitions: names.map(partitionOf),
          append: (partition, records) => appendFile(fileOf(partition), records.map(write).join('')),
          appendUndecodable: partition => appendFile(fileOf(partition), undecodable),
          open: options =>
            filesInput<ContractRecord>({
              ...options,
              files: `*.${format}`,
              cwd,
              follow,
              interval: 5,
              ...(decode && { decode }),
            }),
          ...(follow && {
            addPartition: async () => {
              const name = `added.${format}`
              await writeFile(join(cwd, name), header)
              return partitionOf(name)
            },
          }),
          remove,
        }
      },
    })
  }
}

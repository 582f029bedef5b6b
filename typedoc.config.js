import { readFileSync } from 'node:fs'

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

/** The API reference, of all that the package exports: `npm run docs` writes it to `docs/`, and fails where words are missing. */
export default {
  entryPoints: Object.values(exports).flatMap(entry => entry['rxkeeper-source'] ?? []),
  tsconfig: 'src/tsconfig.json',
  basePath: 'src',
  out: 'docs',
  name: 'rxkeeper',
  readme: 'none',
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  externalSymbolLinkMappings: { rxjs: { '*': 'https://rxjs.dev/api' } },
  validation: { notDocumented: true },
  // What a property holds is mostly said by its name and type; options say it with their default.
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Variable', 'Function', 'Method', 'Accessor'],
  intentionallyNotExported: ['Arbitrary', 'Environment', 'Fields'],
  treatWarningsAsErrors: true,
}

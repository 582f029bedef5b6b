import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const page = new URL('./page/', import.meta.url)
const require = createRequire(import.meta.url)

/** A file of the page. */
export interface Asset {
  readonly type: string
  readonly content: Buffer
}

const javascript = 'text/javascript; charset=utf-8'
const css = 'text/css; charset=utf-8'

const SCRIPTS = [
  'main',
  'changes',
  'charts',
  'connection',
  'dom',
  'format',
  'groups',
  'keys',
  'programs',
  'timeline',
  'token',
]

/** Everything that is served, by path: no request can name a file. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const own = (file: string, type: string): Asset => ({ type, content: readFileSync(new URL(file, page)) })
  // The build copies them beside the page; in the source they are in their package.
  const ofUplot = (name: string, file: string, type: string): Asset =>
    existsSync(new URL(name, page))
      ? own(name, type)
      : { type, content: readFileSync(require.resolve(`uplot/dist/${file}`)) }
  return new Map([
    ['/', own('index.html', 'text/html; charset=utf-8')],
    ['/style.css', own('style.css', css)],
    ['/icon.svg', own('icon.svg', 'image/svg+xml')],
    ['/uPlot.js', ofUplot('uPlot.js', 'uPlot.esm.js', javascript)],
    ['/uPlot.css', ofUplot('uPlot.css', 'uPlot.min.css', css)],
    ...SCRIPTS.map(name => [`/${name}.js`, own(`${name}.js`, javascript)] as const),
  ])
}

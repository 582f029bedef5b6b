/** The page's style, light and dark. */
export const STYLE = `
:root {
  --paper: #fbfbfa; --card: #ffffff; --ink: #1d2327; --ink-soft: #5c6870; --line: #e3e7e9;
  --good: #1a7f4b; --bad: #b3452c; --bar-peer: #b4c0c8;
  --series-0: #1f6feb; --series-1: #d9730d; --series-2: #2f9e6e; --series-3: #9456c9; --series-4: #b3452c; --series-5: #5c6870;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181b; --card: #1c2226; --ink: #e8ecee; --ink-soft: #9aa7af; --line: #2f383e;
    --good: #4cc38a; --bad: #f08a6c; --bar-peer: #55636c;
    --series-0: #5b9dff; --series-1: #f5a04a; --series-2: #4cc38a; --series-3: #bf8cf0; --series-4: #f08a6c; --series-5: #9aa7af;
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.7rem; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 0 0 .25rem }
main > h2 { margin: 2rem 0 .75rem }
.soft { color: var(--ink-soft); font-size: .9rem; margin: .25rem 0 }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.25rem; margin: 1.25rem 0 }
.chart { position: relative; margin: 1rem 0 }
.cards { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .75rem; padding: 0; margin: 0 }
.cards li { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--good); border-radius: .5rem; padding: .75rem 1rem; display: flex; flex-direction: column }
.cards li.missed { border-left-color: var(--bad) }
.cards b { font-size: 1.5rem; font-variant-numeric: tabular-nums }
.cards span { overflow-wrap: anywhere }
summary { cursor: pointer; color: var(--ink-soft) }
summary:focus-visible { outline: 2px solid var(--series-0); outline-offset: 3px }
.scroll { overflow-x: auto; margin-top: .75rem }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child { text-align: left } th { font-weight: 500 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .5rem 0 0 }
dd { margin: 0; color: var(--ink-soft) }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr } dd { margin-bottom: .5rem } }
`

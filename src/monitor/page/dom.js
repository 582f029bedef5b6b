/*
 * Makes elements. Text is only ever set as text, so HTML in a value stays text.
 */

/**
 * The element with an id.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export const byId = id => /** @type {E} */ (document.getElementById(id))

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  made.append(...children)
  return made
}

/** Sets a text if it has changed: an unchanged element is not laid out again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** A value in a row.
 * @param {import('../wire.ts').ShownValue} value
 */
export const preview = ({ kind, text, cut, bytes }) =>
  kind === 'bytes'
    ? element('span', 'value other', `${bytes} bytes`)
    : element('span', text === '' ? 'value other' : 'value', text === '' ? 'empty' : cut ? `${text}…` : text)

/** Moves the focus through the buttons of a list with the arrow keys; the list is one stop of the tab key.
 * @param {HTMLElement} list
 */
export function arrowKeys(list) {
  list.addEventListener('keydown', event => {
    const buttons = [...list.querySelectorAll('button')]
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement))
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }
    const to = moves[event.key]
    if (to === undefined || at < 0) return
    event.preventDefault()
    buttons[Math.max(0, Math.min(to, buttons.length - 1))]?.focus()
  })
  list.addEventListener('focusin', ({ target }) => oneStop(list, /** @type {Element} */ (target)))
}

/** Leaves one button in the tab order.
 * @param {HTMLElement} list
 * @param {Element | null} [stop]
 */
export function oneStop(list, stop = list.querySelector('button')) {
  for (const button of list.querySelectorAll('button')) button.tabIndex = button === stop ? 0 : -1
}

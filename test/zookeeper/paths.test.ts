import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkRoot, KeyLayout } from '../../src/engines/zookeeper/layout/key-layout.ts'
import { keyOfName, nameOf } from '../../src/engines/zookeeper/layout/names.ts'

/** Any non-empty string of whole characters, those that matter here more often than by chance. */
const keys = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '.',
        '/',
        '%',
        'zookeeper',
        '%2F',
        '%2e',
        '\0',
        '\u0085',
        '\ue000',
        '\ufeff',
        '\uffff',
        '😀',
        'é',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map(parts => parts.join(''))

/** What ZooKeeper 3.8 says of a name in a path (`PathUtils.validatePath`), written down anew. */
function isLegalName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return false
  return [...name].every(character => {
    const point = character.codePointAt(0)!
    if (point <= 0x1f || (point >= 0x7f && point <= 0x9f)) return false
    return point < 0xd800 || (point > 0xf8ff && point < 0xfff0)
  })
}

describe('nameOf and keyOfName', () => {
  it('are each other’s inverse for every character there is', () => {
    const AT_A_TIME = 256
    for (let first = 0; first <= 0x10ffff; first += AT_A_TIME) {
      if (first >= 0xd800 && first <= 0xdfff) continue
      const key = String.fromCodePoint(...Array.from({ length: AT_A_TIME }, (_, i) => first + i))
      const name = nameOf(key)
      if (keyOfName(name) !== key || !isLegalName(name)) throw new Error(`from U+${first.toString(16)}`)
    }
  })

  it('are each other’s inverse for every key, and the name is legal', () => {
    fc.assert(
      fc.property(keys, key => {
        const name = nameOf(key)
        expect(keyOfName(name)).toBe(key)
        expect(isLegalName(name)).toBe(true)
        expect(name).not.toBe('zookeeper')
      }),
      { numRuns: 5000 },
    )
  })

  it('give each name to one key at most', () => {
    const names = fc.oneof(
      keys.filter(isLegalName),
      fc
        .array(fc.constantFrom('%', '2', 'F', 'f', '4', '1', 'C', '3', 'A', '9', 'E', '.', 'x'), {
          minLength: 1,
        })
        .map(parts => parts.join('')),
    )
    fc.assert(
      fc.property(names, name => {
        const key = keyOfName(name)
        if (key !== undefined) expect(nameOf(key)).toBe(name)
      }),
      { numRuns: 5000 },
    )
  })

  it.each([
    ['alice', 'alice'],
    ['a b', 'a b'],
    ['...', '...'],
    ['zookeeper2', 'zookeeper2'],
    ['straße-日本', 'straße-日本'],
    ['a/b', 'a%2Fb'],
    ['50%', '50%25'],
    ['.', '%2E'],
    ['..', '%2E.'],
    ['zookeeper', '%7Aookeeper'],
    ['\n', '%0A'],
    ['\u0085', '%C2%85'],
    ['😀', '%F0%9F%98%80'],
    ['\ue000', '%EE%80%80'],
    ['\uffff', '%EF%BF%BF'],
  ])('%j is node %j', (key, name) => {
    expect(nameOf(key)).toBe(name)
  })

  it.each([
    '50%',
    '%',
    '%2',
    '%zz',
    '%2f',
    '%41',
    '%FF',
    '%C2',
    '%EF%BB%BF',
    '%2E%2E',
    '%ED%A0%80',
    'zookeeper',
    '.',
    '..',
    '%writers',
  ])('node %j is no key', name => {
    expect(keyOfName(name)).toBeUndefined()
  })
})

describe('KeyLayout', () => {
  it.each(['/', '/apps/demo'])('maps keys to paths under %j and back', root => {
    const layout = new KeyLayout(root, 0)
    fc.assert(
      fc.property(keys, key => {
        const path = layout.pathOf(key)
        expect(path.startsWith(root)).toBe(true)
        expect(path.split('/')).toHaveLength(root === '/' ? 2 : 4)
        expect(layout.keyOf(path)).toBe(key)
      }),
    )
  })

  it('knows no key for other paths', () => {
    const layout = new KeyLayout('/apps/demo', 0)
    for (const path of [
      '/',
      '/apps',
      '/apps/demo',
      '/apps/demo/',
      '/apps/demo/a/b',
      '/apps/demo2/a',
      '/apps/demo/50%',
    ]) {
      expect(layout.keyOf(path)).toBeUndefined()
    }
    expect(new KeyLayout('/', 0).keyOf('/zookeeper')).toBeUndefined()
  })
})

describe('checkRoot', () => {
  it.each(['/', '/a', '/apps/demo', '/a b/%', '/日本', '/a/zookeeper', '/zookeepers', '/...'])(
    'takes %j',
    root => {
      expect(() => checkRoot(root)).not.toThrow()
    },
  )

  it.each([
    '',
    'a',
    'a/b',
    '/a/',
    '//',
    '/a//b',
    '/.',
    '/a/../b',
    '/a/.',
    '/zookeeper',
    '/zookeeper/x',
    '/\0',
    '/a\u0085',
    '/\ue000',
    '/😀',
    undefined,
    null,
    1,
  ])('refuses %j', root => {
    expect(() => checkRoot(root)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('root') }),
    )
  })
})

/**
 * Addresses of nodes that are no key's, as strings that go wherever keys go below the store: they begin with the second
 * half of a surrogate pair, as no key may; then come the names that lead to the node, percent-encoded, a `/` between them.
 */
const PREFIX = '\udc00'
const PREFIX_CODE = 0xdc00

/** The address of the node that all others, and the keys, are below. */
export const ROOT: string = PREFIX

/** The address of the node that these names lead to, each a well-formed string that is not empty. */
export const nodeKey = (...names: readonly [string, ...string[]]): string =>
  PREFIX + names.map(encodeURIComponent).join('/')

/** Whether it is a node's address, and not a key. */
export const isNodeKey = (key: string): boolean => key.charCodeAt(0) === PREFIX_CODE

/** The names that lead to a node. */
export const namesOf = (node: string): string[] => node.slice(1).split('/').map(decodeURIComponent)

/** The address of a node below another. */
export const childOf = (parent: string, name: string): string => `${parent}/${encodeURIComponent(name)}`

/** The address of the node above a node; empty above the first. */
export const parentOf = (node: string): string => node.slice(0, Math.max(0, node.lastIndexOf('/')))

/** The last name of a node's address. */
export const lastNameOf = (node: string): string => decodeURIComponent(node.slice(node.lastIndexOf('/') + 1))

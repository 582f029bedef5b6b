/**
 * Addresses of nodes beside the keys: strings that are passed like keys below the store. They begin with the second
 * half of a surrogate pair, as no valid key does, followed by the names on the path to the node, percent-encoded, with
 * `/` between them.
 */
const PREFIX = '\udc00'
const PREFIX_CODE = 0xdc00

/** The address of the root node, above all other nodes and the keys. */
export const ROOT: string = PREFIX

/** The address of the node on this path of names, which must be well-formed and not empty. */
export const nodeKey = (...names: readonly [string, ...string[]]): string =>
  PREFIX + names.map(encodeURIComponent).join('/')

/** Whether this is the address of a node, not a key. */
export const isNodeKey = (key: string): boolean => key.charCodeAt(0) === PREFIX_CODE

/** The names on the path to a node. */
export const namesOf = (node: string): string[] => node.slice(1).split('/').map(decodeURIComponent)

/** The address of a child of a node. */
export const childOf = (parent: string, name: string): string => `${parent}/${encodeURIComponent(name)}`

/** The address of the parent of a node; empty for a top-level node. */
export const parentOf = (node: string): string => node.slice(0, Math.max(0, node.lastIndexOf('/')))

/** The last name of a node's address. */
export const lastNameOf = (node: string): string => decodeURIComponent(node.slice(node.lastIndexOf('/') + 1))

import type { Observable } from 'rxjs'
import {
  bytes,
  type Codec,
  encrypted,
  json,
  type KeylessCodec,
  type Keyring,
  memoryStore,
  openKeyring,
  type RotateProgress,
  rotate$,
  text,
  type VersionedCodec,
  versioned,
} from 'rxkeeper'
import { type } from './expect.ts'

interface User {
  readonly name: string
}
interface NamedUser {
  readonly first: string
  readonly last: string
}

// A codec has the type of its values, and whether it needs the key.
type<KeylessCodec<User>>()(json<User>())
type<Codec<User>>()(encrypted(json<User>(), { keys: { k1: new Uint8Array(32) }, current: 'k1' }))
type<Codec<Uint8Array>>()(
  encrypted(bytes, await openKeyring({ current: 'k1', key: () => new Uint8Array(32) })),
)
json<User>().encode({ name: 'ann' })
encrypted(text, { keys: {}, current: '' }).encode('x', 'key')
// @ts-expect-error what encrypts needs the key that the value is for
encrypted(text, { keys: {}, current: '' }).encode('x')
// @ts-expect-error a key is bytes, no passphrase
encrypted(text, { keys: { k1: 'secret' }, current: 'k1' })
// @ts-expect-error keys have a current one
encrypted(text, { keys: { k1: bytes.encode(new Uint8Array(32)) } })
type<Promise<Keyring>>()(openKeyring({ current: 'k1', key: async () => undefined }))

// Versions fit each other, one by one.
const users = versioned(json<User>()).next(json<NamedUser>(), ({ name }) => ({ first: name, last: '' }))
type<VersionedCodec<NamedUser>>()(users)
type<Codec<NamedUser>>()(encrypted(users, { keys: {}, current: '' }))
const first = versioned(json<User>())
const lengths = first.next(text, ({ name }) => name).next(json<number>(), name => name.length)
type<VersionedCodec<number>>()(lengths)
// @ts-expect-error a migration makes a value of the next version
first.next(json<NamedUser>(), ({ name }) => ({ first: name }))
// @ts-expect-error … of one of the version before
first.next(json<NamedUser>(), ({ last }) => ({ first: last, last }))

type<Observable<RotateProgress>>()(rotate$(memoryStore({ value: users })))

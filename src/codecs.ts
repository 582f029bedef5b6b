export { bytes } from './codecs/bytes.ts'
export type { Codec, KeylessCodec } from './codecs/codec.ts'
export { type EncryptedOptions, encrypted } from './codecs/encrypted.ts'
export { json } from './codecs/json.ts'
export {
  type KeyMaterial,
  type Keyring,
  type KeyringKeys,
  type KeyringOptions,
  openKeyring,
} from './codecs/keyring.ts'
export { text } from './codecs/text.ts'
export { type VersionedCodec, versioned } from './codecs/versioned.ts'

export { bytes } from './codecs/bytes.ts'
export type { Codec, KeylessCodec } from './codecs/codec.ts'
export { json } from './codecs/json.ts'
export { text } from './codecs/text.ts'

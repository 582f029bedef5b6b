/* As much of DER, in which X.509 certificates are written, as it takes to write one. */

/** A value with its tag and length. */
export function tagged(tag: number, ...content: readonly Buffer[]): Buffer {
  const value = Buffer.concat(content)
  const { length } = value
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...header]), value])
}

export const sequence = (...items: readonly Buffer[]): Buffer => tagged(0x30, ...items)

export const set = (...items: readonly Buffer[]): Buffer => tagged(0x31, ...items)

export const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]))

/** A number of these bytes, the first of which is below 128. */
export const integer = (bytes: Buffer): Buffer => tagged(0x02, bytes)

export const octets = (bytes: Buffer): Buffer => tagged(0x04, bytes)

/** A string of bits, all of whole bytes. */
export const bits = (bytes: Buffer): Buffer => tagged(0x03, Buffer.from([0]), bytes)

export const utf8 = (text: string): Buffer => tagged(0x0c, Buffer.from(text))

/** A moment in seconds, of a year from 1950 to 2049. */
export const time = (moment: Date): Buffer =>
  tagged(
    0x17,
    Buffer.from(
      `${moment
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2)}`,
    ),
  )

/** `'1.2.840…'` as an object identifier. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return tagged(0x06, Buffer.from(bytes))
}

const LOW = 0x1_0000_0000

/** A zxid as a number, exact up to two million leader elections. */
export const readZxid = (bytes: Buffer, at: number): number =>
  bytes.readInt32BE(at) * LOW + bytes.readUInt32BE(at + 4)

/** The eight bytes of a zxid. */
export function zxidBytes(zxid: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(Math.floor(zxid / LOW), 0)
  bytes.writeUInt32BE(zxid % LOW, 4)
  return bytes
}

/** Some hints that one commit has written, in a node beside the keys. */
export class Segment {
  /** Its number: segments are numbered in the order in which they are written. */
  readonly id: number
  /** The time of the first of its hints that are not in memory; `Infinity` where all are. */
  at: number
  /** How many of its hints are not done. */
  left: number
  /** A commit on its way deletes it. */
  isGoing = false

  constructor(id: number, at: number, left: number) {
    this.id = id
    this.at = at
    this.left = left
  }
}

/** Of hints whose time is so far away, in milliseconds, those up to four times as far are in one segment. */
const SPREAD = 1000

/** Which of the segments of a commit a hint is in: so that what is due soon does not keep what is due late, nor the other way round. */
export const levelOf = (at: number, now: number): number =>
  at - now <= SPREAD ? 0 : Math.ceil(Math.log2((at - now) / SPREAD) / 2)

import { randomUUID } from 'node:crypto'
import { KVError } from '../base/errors.ts'
import { ROOT } from '../contract/nodes.ts'
import { admissionOf, NOTICE, type Seal, sealOf, withSeal } from '../contract/seal.ts'
import type { Part, Side } from './side.ts'

/** A seal on each ensemble, which holds as long as our session. */
export class Pause {
  readonly #side: Side
  readonly #by = randomUUID()
  /** The paused parts, with the versions of their roots, and their former seals. */
  readonly #paused: { readonly part: Part; readonly version: number; readonly before: Seal | undefined }[] =
    []

  constructor(side: Side) {
    this.#side = side
  }

  async begin(): Promise<void> {
    try {
      for (const part of this.#side.parts) await this.#pause(part)
    } catch (error) {
      await this.end().catch(() => {})
      throw error
    }
  }

  /** Ends the pause; fails with `VERSION_CONFLICT` if it did not hold until now. */
  async end(): Promise<void> {
    let failure: unknown
    for (const { part, version, before } of this.#paused.splice(0)) {
      try {
        await this.#replace(part, version, before)
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
  }

  /** Replaces it by another seal, in each ensemble; fails with `VERSION_CONFLICT` if it did not hold until now. */
  async become(seal: Seal): Promise<void> {
    for (const { part, version } of this.#paused.splice(0)) await this.#replace(part, version, seal)
  }

  async #replace(part: Part, version: number, seal: Seal | undefined): Promise<void> {
    const root = await this.#side.root(part)
    try {
      // Clients that came after the notice was deleted did not wait.
      await this.#side.commit(part, [
        { type: 'check', key: NOTICE, ifVersion: 0 },
        { type: 'put', key: ROOT, value: withSeal(root?.value, seal), ifVersion: version },
        { type: 'delete', key: NOTICE },
      ])
    } catch (error) {
      throw (error as KVError).code === 'VERSION_CONFLICT' ? notOfOneMoment(error as KVError) : error
    }
  }

  async #pause(part: Part): Promise<void> {
    const root = await this.#side.root(part)
    const before = sealOf(root?.value)
    const seal: Seal = { state: 'paused', move: before?.move ?? '', by: this.#by, place: before?.place ?? '' }
    if (before?.state !== 'paused') {
      const admission = admissionOf(before)
      if (admission instanceof KVError) throw admission
      if (admission !== 'open') throw new KVError('UNAVAILABLE', admission.held)
    }
    try {
      const [written] = await this.#side.commit(part, [
        { type: 'put', key: ROOT, value: withSeal(root?.value, seal), ifVersion: root?.version ?? 'absent' },
        { type: 'put', key: NOTICE, value: Buffer.from(this.#by), ifVersion: 'absent', ephemeral: true },
      ])
      this.#paused.push({
        part,
        version: written!.version,
        before: before?.state === 'paused' ? undefined : before,
      })
    } catch (error) {
      const { code, key } = error as KVError
      if (code === 'VERSION_CONFLICT' && key === NOTICE) {
        throw new KVError('VERSION_CONFLICT', 'another savepoint of the store is being made', {
          cause: error,
        })
      }
      // It did not exist before, and was created meanwhile.
      if (code === 'VERSION_CONFLICT') return this.#pause(part)
      throw error
    }
  }
}

/** The error of a pause that did not hold. */
export const notOfOneMoment = (cause?: KVError): KVError =>
  new KVError('VERSION_CONFLICT', 'somebody wrote meanwhile: what was read is not of one moment', { cause })

/** The words of which scripts are made. */
import { createHash } from 'node:crypto'
import { type FrameOptions, frame, opcodes } from '../frames.js'
import type { Script, Step } from '../player.js'

const { continuation, text } = opcodes

/** Whole messages, and as many frames for an answer. */
export const answered = (says: Buffer, hears = 1): Step => ({ says, hears, state: 'still' })
/** Something that has not come to its end. */
export const half = (says: Buffer, hears = 0): Step => ({ says, hears, state: 'half' })
/** After it the server ends the connection; the last frame of those that are heard is its close. */
export const over = (says: Buffer, hears = 1): Step => ({ says, hears, state: 'over' })

/** At once. */
export const together = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts)

/** The first fragment of a message. */
export const first = (opcode: number, payload: string | Buffer, more?: FrameOptions): Buffer =>
  frame(opcode, payload, { ...more, fin: false })

/** A fragment in its middle. */
export const middle = (payload: string | Buffer): Buffer => first(continuation, payload)

/** Its last one. */
export const last = (payload: string | Buffer): Buffer => frame(continuation, payload)

/** A step for each byte. */
export function bytewise(says: Buffer, end: (says: Buffer) => Step): Step[] {
  const steps = Array.from(says.subarray(0, -1), (byte) => half(Buffer.of(byte)))
  return [...steps, end(says.subarray(-1))]
}

/** Text that does not repeat itself. */
export function noise(length: number, seed = ''): string {
  const parts = Array.from({ length: Math.ceil(length / 88) }, (_, n) =>
    createHash('sha512').update(`${seed}${n}`).digest('base64'),
  )
  return parts.join('').slice(0, length)
}

export const hex = (digits: string): Buffer => Buffer.from(digits, 'hex')

/** Said before what is wrong, so that there is a step after which it moves. */
export const hello: Step = answered(frame(text, 'hello'))

export const script = (name: string, ...steps: readonly Step[]): Script => ({ name, steps })

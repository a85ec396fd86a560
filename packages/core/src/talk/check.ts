import { EndlessError, messageOf } from '../errors.js'

/** A message may have so many bytes of JSON. */
const longest = 1024 * 1024
const longestName = 256

/** @param open those that there are */
export function checkChannel(
  name: unknown,
  handler: unknown,
  open: ReadonlyMap<string, unknown>,
): void {
  if (typeof name !== 'string' || name === '' || name.length > longestName)
    throw new EndlessError(
      'ERR_ENDLESS_OPTION',
      `channel(): expected a name of 1 to ${longestName} characters, received ${typeof name === 'string' ? name.length : typeof name}`,
    )
  if (typeof handler !== 'function')
    throw badOption(name, 'a function that handles messages', typeof handler)
  if (open.has(name)) throw badOption(name, 'a name of its own', 'one that is open')
}

/** Throws where JSON cannot say it, or at too great length. */
export function textOf(name: string, message: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(message)
  } catch (cause) {
    throw badOption(name, 'a message that JSON can say', messageOf(cause), cause)
  }
  if (text === undefined) throw badOption(name, 'a message that JSON can say', typeof message)
  const size = Buffer.byteLength(text)
  if (size > longest)
    throw badOption(name, `a message of at most ${longest} bytes of JSON`, `${size}`)
  return text
}

export function badOption(
  name: string,
  expected: string,
  received: string,
  cause?: unknown,
): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_OPTION',
    `channel "${name}": expected ${expected}, received ${received}`,
    cause === undefined ? undefined : { cause },
  )
}

/** The words of the control socket: JSON, a line each. */

/** In each request: a service that speaks another version says so, rather than guess. */
export const protocolVersion = 1

/** How long a line of a client may be, in bytes. A line that is longer is answered and forgotten. */
export const lineLimit: number = 64 * 1024

/** Chosen by the client; each answer to the request carries it. */
export type RequestId = number | string

export interface ControlRequest {
  readonly endless: typeof protocolVersion
  readonly id: RequestId
  readonly command: string
  readonly args?: unknown
}

export interface ControlFailure {
  /** An `ErrorCode`, perhaps of a release that has more of them. */
  readonly code: string
  readonly message: string
}

/** Any number of events, then one result or one error. An error about what no request could be made of has no id. */
export type ControlReply =
  | { readonly id: RequestId; readonly event: object }
  | { readonly id: RequestId; readonly result: unknown }
  | { readonly id: RequestId | null; readonly error: ControlFailure }

/** What a line of a client came to. */
export type Parsed =
  | { readonly request: ControlRequest }
  | { readonly id: RequestId | null; readonly refusal: string }

/** @param line undefined for one that was too long */
export function parseRequest(line: string | undefined): Parsed {
  if (line === undefined)
    return { id: null, refusal: `a line of more than ${lineLimit} bytes came: ask in less` }
  const value = parseJson(line)
  const { endless, id, command, args } = fieldsOf(value)
  const known = isId(id) ? id : null
  if (endless !== protocolVersion)
    return {
      id: known,
      refusal:
        `expected a JSON line with "endless": ${protocolVersion}, got ${excerptOf(line)}: the command ` +
        'and the service must speak one version of the protocol, so use the command of the same release',
    }
  if (!isId(id) || typeof command !== 'string')
    return {
      id: known,
      refusal: `expected an "id" (number or string) and a "command" (string), got ${excerptOf(line)}`,
    }
  return { request: { endless, id, command, args } }
}

/** @returns undefined for what is no reply */
export function parseReply(line: string | undefined): ControlReply | undefined {
  const value = line === undefined ? undefined : parseJson(line)
  const { id, event, result, error } = fieldsOf(value)
  if (typeof error === 'object' && error !== null && (isId(id) || id === null)) {
    const { code, message } = fieldsOf(error)
    return { id, error: { code: String(code), message: String(message) } }
  }
  if (!isId(id)) return undefined
  if (typeof event === 'object' && event !== null) return { id, event }
  return result === undefined ? undefined : { id, result }
}

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function isId(value: unknown): value is RequestId {
  return typeof value === 'number' || typeof value === 'string'
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function excerptOf(line: string): string {
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}...` : line)
}

import { messageOf } from '../errors.js'

/** The part of a [pino](https://getpino.io) logger that is used; pino, bunyan and Fastify's fit. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const pad = (n: number): string => String(n).padStart(2, '0')

function timestamp(date: Date): string {
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join('/')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':')
  return `${day} ${time}`
}

function causes(fields: object): string {
  let text = ''
  let error: unknown = 'err' in fields ? fields.err : undefined
  const seen = new Set<unknown>()
  while (error !== undefined && error !== null && !seen.has(error)) {
    seen.add(error)
    const more = `: ${messageOf(error)}`
    // A message that quotes its cause has said it already.
    if (!text.includes(more)) text += more
    error = error instanceof Error ? error.cause : undefined
  }
  return text
}

/**
 * Lines on stderr as Go's endless prints them: date, time, pid, what was received, what happens.
 * Debug lines are left out. The errors behind a line follow it, cause by cause.
 */
export function stderrLogger(write: (line: string) => void = writeStderr): Logger {
  const line = (fields: object, message: string): void =>
    write(`${timestamp(new Date())} ${process.pid} ${message}${causes(fields)}`)
  return { debug: () => {}, info: line, warn: line, error: line }
}

function writeStderr(line: string): void {
  // Not process.stderr.write: a log reader that died would end the service with an EPIPE.
  console.error('%s', line)
}

/** A logger that says nothing: what `logger: false` stands for. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
}

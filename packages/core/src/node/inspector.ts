/** `--inspect`, `--inspect=9300`, `--inspect-brk=0.0.0.0:9300`; not `--inspect-port`, which starts nothing. */
const asksFor = /^--inspect(-brk|-wait)?(=(?:(.*):)?\d+)?$/

/**
 * Starts the inspector where it was asked for and another process had its port: two generations cannot have
 * one port at a time.
 * @returns why it still cannot; undefined where it runs, or was not asked for
 */
export async function startInspector(): Promise<string | undefined> {
  const words = [...process.execArgv, ...(process.env.NODE_OPTIONS?.split(' ') ?? [])]
  const asked = words.map((word) => asksFor.exec(word)).find((found) => found !== null)
  // Port 0 is another one in each process.
  if (!asked || process.debugPort === 0) return undefined
  const inspector = await import('node:inspector').catch(() => undefined)
  // A Node that was built without one.
  if (!inspector) return undefined
  const { open, url } = inspector
  if (url() !== undefined) return undefined
  open(process.debugPort, asked[3])
  return url() === undefined ? `port ${process.debugPort} is taken` : undefined
}

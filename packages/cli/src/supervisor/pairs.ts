import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Passing, passOn } from '@endlessjs/core/fleet'

/** Both ends of a connection, for two other processes. */
export type Pair = readonly [Passing, Passing]

/**
 * Makes connected pairs of sockets: Node has no socketpair(2) but in `spawn`, so a socket in a directory of
 * our own is connected to, and removed at once.
 */
export async function makePairs(count: number): Promise<Pair[]> {
  const directory = mkdtempSync(join(tmpdir(), 'endless-'))
  const server = createServer({ pauseOnConnect: true })
  const pairs: Pair[] = []
  try {
    const path = join(directory, 'a')
    await once(server.listen(path), 'listening')
    while (pairs.length < count) pairs.push(await makePair(server, path))
    return pairs
  } catch (error) {
    for (const end of pairs.flat()) end.close()
    throw error
  } finally {
    server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function makePair(server: Server, path: string): Promise<Pair> {
  const near = connect(path)
  const [[far]] = await Promise.all([
    once(server, 'connection') as Promise<[Socket]>,
    once(near, 'connect'),
  ])
  return [passOn(near), passOn(far)]
}

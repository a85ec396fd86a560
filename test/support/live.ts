import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { ControlClient, readStatus } from '@endlessjs/core/control'
import { onTestFinished } from 'vitest'
import { temporaryDirectory } from './service.js'

const script = resolve(import.meta.dirname, '../../examples/live/main.js')

/** A demo that runs, as `npm run demo:live` starts it. */
export interface Live {
  readonly port: number
  readonly url: string
  /** What it has written to disk lies here. */
  readonly directory: string
  /** The names of that. */
  left(): string[]
  /** The supervisor first, then the workers. */
  pids(): Promise<number[]>
  /** As a terminal does: to the whole group. Resolves to the code and the signal by which it ended. */
  end(signal?: NodeJS.Signals): Promise<unknown>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export async function startLive(): Promise<Live> {
  const port = await freePort()
  const [directory, url] = [temporaryDirectory(), `http://localhost:${port}/`]
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: String(port), TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const exited = once(child, 'exit')
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  const end = async (signal: NodeJS.Signals = 'SIGINT'): Promise<unknown> => {
    if (child.pid && !isOver()) process.kill(-child.pid, signal)
    return exited
  }
  onTestFinished(async () => {
    await end('SIGTERM')
    rmSync(directory, { recursive: true })
  })
  for await (const line of createInterface({ input: child.stdout })) if (line.includes(url)) break
  if (isOver()) throw new Error('the demo did not start')
  child.stdout.resume()
  return { port, url, directory, left: () => leftIn(directory), pids: () => pidsOf(directory), end }
}

/** Beside what is Node's own. */
function leftIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name !== 'node-compile-cache')
}

async function pidsOf(directory: string): Promise<number[]> {
  const [name = ''] = leftIn(directory)
  const client = await ControlClient.connect(join(directory, name, 'control.sock'))
  try {
    const { pid, workers = [] } = readStatus(await client.request('status'))
    return [pid, ...workers.flatMap((worker) => worker.pid ?? [])]
  } finally {
    client.close()
  }
}

// WebSockets of a client that nobody here wrote: the Python package websockets.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { fixture, Service } from './support/service.js'

// Debian's own has its packages, whatever comes first in the path.
const pythons = ['/usr/bin/python3', 'python3']
const python = pythons.find((one) => spawnSync(one, ['-c', 'import websockets']).status === 0)
if (!python && process.env.TOOLS === 'required')
  throw new Error('install websockets: apt-get install python3-websockets')
const path = resolve(import.meta.dirname, 'support/talkers.py')

interface Said {
  readonly answers: number
  readonly pushes: number
  readonly pids: readonly number[]
  readonly faults: readonly string[]
}

test.skipIf(!python)(
  'python websockets: 40 clients, fragments and pings and deflate, over five upgrades',
  async () => {
    const control = { deflate: true }
    await using service = await Service.start({
      script: fixture('websockets.js'),
      args: ['http'],
      control,
    })
    const url = `ws://127.0.0.1:${service.port()}`
    const client = spawn(python ?? '', [path, url, '40'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: client.stdout })
    expect(await once(lines, 'line')).toEqual(['ready'])
    const pids = [service.pid]
    for (let n = 0; n < 5; n++) pids.push(await service.upgrade())
    client.stdin.end()
    const [output] = (await once(lines, 'line')) as [string]
    const said = JSON.parse(output) as Said
    expect(said.faults).toEqual([])
    expect(said.pids).toEqual(pids)
    expect(said.answers).toBeGreaterThan(1_000)
    const drains = service.all({ event: 'drain', phase: 'end' })
    expect(drains.map(({ moved }) => moved)).toEqual(Array(5).fill(40))
    await service.stop()
  },
)

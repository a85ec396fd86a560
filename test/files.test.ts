import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { upgrade } from './support/release.js'
import { fixture, Service, temporaryDirectory } from './support/service.js'

/** The two files, the peer's server, and a service that holds them all. */
async function startFiles() {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const [log, notes] = [join(directory, 'log'), join(directory, 'notes')]
  const peer = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void peer.close())
  await once(peer, 'listening')
  const connected = once(peer, 'connection') as Promise<[Socket]>
  const { port } = peer.address() as AddressInfo
  const env = { LOG: log, NOTES: notes, PEER: `${port}` }
  const service = await Service.start({ script: fixture('files.js'), env })
  const [socket] = await connected
  return { service, log, notes, socket }
}

/** Collects what comes, and waits for the end of it. */
function collect(socket: Socket): { untilIt(has: string): Promise<string> } {
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  return {
    async untilIt(has) {
      while (!text.includes(has)) await once(socket, 'data')
      return text
    },
  }
}

async function askUdp(port: number): Promise<string> {
  const client = createSocket('udp4')
  const answer = once(client, 'message') as Promise<[Buffer]>
  client.send('who?', port, '127.0.0.1')
  const [message] = await answer
  client.close()
  return message.toString()
}

/** What a process holds open. */
function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return 'closed meanwhile'
    }
  })
}

const generations = ['generation 0\n', 'generation 1\n', 'generation 2\n']

test('files and sockets go by name from generation to generation', async () => {
  const { service: started, log, notes, socket } = await startFiles()
  await using service = started
  const peer = collect(socket)
  const { udp } = await service.until({ event: 'files' })
  for (const n of [0, 1, 2]) {
    if (n > 0) await upgrade(service)
    expect(await askUdp(Number(udp))).toBe(`generation ${n}\n`)
  }
  expect(await peer.untilIt('generation 2\n')).toBe(generations.join(''))
  for (const file of [log, notes]) expect(readFileSync(file, 'utf8')).toBe(generations.join(''))
  for (const one of service.all({ event: 'files' })) {
    expect(one).not.toHaveProperty('unknown')
    expect(one.udp).toBe(udp)
  }
  expect(service.stderr).not.toContain('Nobody asked')
  await service.stop()
})

test('a file that nobody asks for is closed, with a warning', async () => {
  const { service: started, log, notes } = await startFiles()
  await using service = started
  service.control({ skip: ['log'] })
  const pid = await upgrade(service)
  await service.untilStderr(/Nobody asked for log: closed\./)
  if (process.platform === 'linux') {
    expect(openFiles(pid)).not.toContain(log)
    expect(openFiles(pid)).toContain(notes)
  }
  service.control({})
  const since = service.mark()
  await upgrade(service)
  expect(await service.until({ event: 'files' }, since)).not.toHaveProperty('log')
  expect(readFileSync(log, 'utf8')).toBe('generation 0\n')
  expect(readFileSync(notes, 'utf8')).toBe(generations.join(''))
  await service.stop()
})

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from './example.js'
import { temporaryDirectory } from './service.js'

/** What HAProxy says of a server of its. */
export type ServerStats = Readonly<Record<string, string>>

/** A real proxy, by a file of examples/proxies, in front of services. */
export class ReverseProxy implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess
  readonly #directory: string
  #output = ''

  private constructor(child: ChildProcess, port: number, directory: string) {
    this.#child = child
    this.port = port
    this.#directory = directory
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.#output += chunk
      })
  }

  /** @param ports of the services, by those that the file says */
  static async haproxy(
    path: string,
    file: string,
    ports: Readonly<Record<number, number>>,
  ): Promise<ReverseProxy> {
    const directory = temporaryDirectory()
    const port = await freePort()
    const config = localised(file, port, ports)
    const socket = join(directory, 'admin.sock')
    const here = config.replaceAll('/run/haproxy/admin.sock', socket)
    // Only root can become somebody else.
    const own = process.getuid?.() === 0 ? here : here.replaceAll(/^ +(user|group) .*$/gm, '')
    writeFileSync(join(directory, file), own)
    const child = spawn(path, ['-db', '-f', join(directory, file)])
    return ReverseProxy.#begin(child, port, directory)
  }

  static async nginx(path: string, ports: Readonly<Record<number, number>>): Promise<ReverseProxy> {
    const directory = temporaryDirectory()
    const port = await freePort()
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => {
      mkdirSync(join(directory, name))
      return `${name}_temp_path ${join(directory, name)};`
    })
    const config = localised('nginx.conf', port, ports)
      // Where it may write, whoever runs the test.
      .replace('http {', ['http {', 'access_log off;', ...temporary].join('\n'))
    const file = join(directory, 'nginx.conf')
    // Root's nginx has workers of another user, who cannot enter the directory.
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    writeFileSync(file, `${user}\n${config}`)
    const here = `daemon off; pid ${join(directory, 'pid')}; error_log stderr warn;`
    const child = spawn(path, ['-p', directory, '-e', 'stderr', '-c', file, '-g', here])
    return ReverseProxy.#begin(child, port, directory)
  }

  static async #begin(child: ChildProcess, port: number, directory: string): Promise<ReverseProxy> {
    const proxy = new ReverseProxy(child, port, directory)
    try {
      while (!(await proxy.#listens())) await delay(20)
    } catch (error) {
      await proxy[Symbol.asyncDispose]()
      throw error
    }
    return proxy
  }

  /** All that it has complained of. */
  get output(): string {
    return this.#output
  }

  /** To its processes: the workers of nginx are its children. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#child.pid ?? -1
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    for (const one of [pid, ...children.split(' ').filter(Boolean).map(Number)])
      process.kill(one, signal)
  }

  /** Of HAProxy: its servers, by name. */
  async stats(): Promise<Map<string, ServerStats>> {
    const socket = connect(join(this.#directory, 'admin.sock'))
    socket.write('show stat\n')
    const [head = '', ...lines] = (await text(socket)).trim().split('\n')
    const names = head.replace('# ', '').split(',')
    const rows = lines.map((line) => {
      const values = line.split(',')
      return Object.fromEntries(names.map((name, n) => [name, values[n] ?? '']))
    })
    const servers = rows.filter(({ svname }) => svname !== 'FRONTEND' && svname !== 'BACKEND')
    return new Map(servers.map((row) => [row.svname ?? '', row]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      await exited
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #listens(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`the proxy has ended:\n${this.#output}`)
    const socket = connect(this.port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  }
}

/** With free ports in place of those that it says, and nothing else changed. */
function localised(file: string, port: number, ports: Readonly<Record<number, number>>): string {
  const config = readFileSync(join(root, 'examples/proxies', file), 'utf8')
  const own = config.replace(/^( *(?:bind :|listen ))80\b/m, (_, words: string) =>
    words.includes('bind') ? `    bind 127.0.0.1:${port}` : `${words}127.0.0.1:${port}`,
  )
  return own.replaceAll(/127\.0\.0\.1:(80\d\d)\b/g, (_, said: string) => {
    const real = ports[Number(said)]
    if (real === undefined) throw new Error(`${file}: nobody listens on ${said}`)
    return `127.0.0.1:${real}`
  })
}

/**
 * A port that nobody listens on, to be bound a little later, or once more: not of those that the kernel gives to
 * clients, one of which would have it meanwhile now and then.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().listen(port, '127.0.0.1')
    const bound = await once(server, 'listening').catch(() => undefined)
    if (!bound) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

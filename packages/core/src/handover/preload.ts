import { handoverVariable, saysFd } from './handover.js'

/**
 * The last words of a successor that dies before it has loaded anything of ours: a syntax error, a
 * missing module, a `throw` on its first line. Its stderr is inherited and not ours to read, so a
 * few lines of code, preloaded through `NODE_OPTIONS`, send a copy of what it prints until it is
 * ready: the first hundred writes as they come, so that a hang has its words too, and the last twenty
 * at the exit, because a full channel would swallow just those. Never so much that a predecessor that
 * reads nothing would make it wait. It keeps a worker of a fleet from dying of an EPIPE. A `data:` URL, because a file of this release may be gone when the
 * next one starts. It also turns Node's compile cache on, where this Node has one.
 */

const mark = 'data:text/javascript,%2F*endless*%2F'
const symbol = 'endless.preload'

const source = `
import { fstatSync, writeSync } from 'node:fs'
import module from 'node:module'
import { inspect } from 'node:util'
import { isMainThread } from 'node:worker_threads'
const isChannel = () => {
  try {
    // As bigints: see node/stat.
    return fstatSync(${saysFd}, { bigint: true }).isSocket()
  } catch {}
}
if (isMainThread) {
  const own = process.env.NODE_OPTIONS.split(' ').filter((word) => !word.includes('${mark}'))
  if (own.length) process.env.NODE_OPTIONS = own.join(' ')
  else delete process.env.NODE_OPTIONS
  if (isChannel()) {
    // A release that starts again, or shares its dependencies with the one before, is compiled already.
    module.enableCompileCache?.()
    let [copies, count, room, last] = [true, 0, 65536, []]
    const { ${handoverVariable}: handover } = process.env
    delete process.env.${handoverVariable}
    // One of a fleet: whoever reads what it prints may be gone, with its supervisor or before.
    if (handover?.includes('"link":{'))
      for (const one of [process.stdout, process.stderr]) one.on('error', () => {})
    const words = {
      handover,
      post: (text) => {
        try {
          writeSync(${saysFd}, JSON.stringify({ endless: 'stderr', text }) + '\\n')
        } catch {}
      },
      end: () => {
        copies = false
        // Not at the exit alone: the next one starts before that.
        module.flushCompileCache?.()
        // Somebody may have wrapped it meanwhile: then it has to stay, and only passes on.
        if (process.stderr.write === copy) delete process.stderr.write
        process.off('uncaughtExceptionMonitor', died)
        process.off('exit', leave)
      }
    }
    const send = (text) => {
      if (!copies) return
      room -= text.length
      if (++count <= 100 && room >= 0) words.post(text)
      else last = [...last, text].slice(-20)
    }
    const leave = () => last.length && words.post(last.join('').slice(-16384))
    const died = (error) => send(inspect(error) + '\\n')
    const write = process.stderr.write
    const copy = process.stderr.write = function (chunk, ...rest) {
      send(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
      return write.call(this, chunk, ...rest)
    }
    process.on('uncaughtExceptionMonitor', died)
    process.on('exit', leave)
    globalThis[Symbol.for('${symbol}')] = words
  }
}
`

/** The environment with the preload in it. */
export function withPreload(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const option = `--import=${mark}${encodeURIComponent(source.trim().replaceAll(/\n\s*/g, '\n'))}`
  return { ...env, NODE_OPTIONS: [env.NODE_OPTIONS, option].filter(Boolean).join(' ') }
}

/** The environment without it. */
export function withoutPreload(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: options, ...rest } = env
  if (options === undefined) return env
  const own = options.split(' ').filter((word) => !word.includes(mark))
  return own.length > 0 ? { ...rest, NODE_OPTIONS: own.join(' ') } : rest
}

/** What the preload left for us. */
interface Words {
  /** Out of the environment already: no child of the app is to mistake itself for a successor. */
  readonly handover?: string
  post(text: string): void
  end(): void
}

const key = Symbol.for(symbol)

function words(): Partial<Words> {
  return Object(Reflect.get(globalThis, key)) as Partial<Words>
}

/** What the predecessor handed over, from where the preload put it; else from the environment. */
export function takeHandover(): string | undefined {
  const text = words().handover ?? process.env[handoverVariable]
  delete process.env[handoverVariable]
  return text
}

/** From here on the channel is open, and has one writer. */
export function tellWordsBy(post: Words['post']): void {
  words().post &&= post
}

/** Ends the copying: from ready on, what this process prints is nobody's last words. */
export function endPreload(): void {
  words().end?.()
  Reflect.deleteProperty(globalThis, key)
}

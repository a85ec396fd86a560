/**
 * The last words of a successor that dies before it has loaded anything of ours: a syntax error, a
 * missing module, a `throw` on its first line. Its stderr is inherited and not ours to read, so a
 * few lines of code, preloaded through `NODE_OPTIONS`, send a copy of what it prints until it is
 * ready: the first hundred writes as they come, so that a hang has its words too, and the last twenty
 * at the exit, because a full channel would swallow just those. A `data:` URL, because a file of this release may be gone when the next one starts.
 */

const mark = 'data:text/javascript,%2F*endless*%2F'
const undoSymbol = 'endless.preload'

const source = `
import { inspect } from 'node:util'
import { isMainThread } from 'node:worker_threads'
if (isMainThread) {
  const own = process.env.NODE_OPTIONS.split(' ').filter((word) => !word.includes('${mark}'))
  if (own.length) process.env.NODE_OPTIONS = own.join(' ')
  else delete process.env.NODE_OPTIONS
  if (process.connected) {
    let copies = true
    let [count, last] = [0, []]
    const post = (text) => process.connected && process.send({ endless: 'stderr', text }, () => {})
    const send = (text) => {
      if (copies && ++count <= 100) post(text)
      else if (copies) last = [...last, text].slice(-20)
    }
    const leave = () => post(last.join(''))
    const died = (error) => send(inspect(error) + '\\n')
    const write = process.stderr.write
    const copy = process.stderr.write = function (chunk, ...rest) {
      send(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
      return write.call(this, chunk, ...rest)
    }
    process.on('uncaughtExceptionMonitor', died)
    process.on('exit', leave)
    globalThis[Symbol.for('${undoSymbol}')] = () => {
      copies = false
      // Somebody may have wrapped it meanwhile: then it has to stay, and only passes on.
      if (process.stderr.write === copy) delete process.stderr.write
      process.off('uncaughtExceptionMonitor', died)
      process.off('exit', leave)
    }
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

/** Ends the copying: from ready on, what this process prints is nobody's last words. */
export function endPreload(): void {
  const key = Symbol.for(undoSymbol)
  const undo: unknown = Reflect.get(globalThis, key)
  Reflect.deleteProperty(globalThis, key)
  if (typeof undo === 'function') undo()
}

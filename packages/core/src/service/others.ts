import { fileURLToPath } from 'node:url'

type Listener = NodeJS.SignalsListener

/** Libraries that shut an app down by every signal there is, and that do no harm without some of them. */
const known: readonly { readonly name: string; readonly is: (text: string) => boolean }[] = [
  {
    name: 'close-with-grace',
    is: (text) => /^function onSignal ?\(signal\) ?\{\s*run\(\{ signal \}\)\s*\}$/.test(text),
  },
  {
    name: 'NestJS',
    // By what its listener calls, in the newest version and in those before.
    is: (text) =>
      text.includes('receivedSignal = true') &&
      /this\.(shutdown\(signal\)|callDestroyHook\(\))/.test(text),
  },
]

/**
 * Who else handles our signals: an app that shuts down by them, a library that does it for the app. They
 * run whatever we do, so an upgrade by such a signal would shut down a generation that still has to hand
 * over.
 */
export class Others {
  /** Which file registered a listener: known of those that came after us. */
  readonly #origins = new WeakMap<object, string>()
  readonly #isOurs: (signal: NodeJS.Signals, listener: Listener) => boolean
  readonly #came: (signal: NodeJS.Signals) => void
  readonly #watch = (event: string | symbol, listener: Listener): void => {
    const signal = event as NodeJS.Signals
    if (!/^SIG[A-Z]/.test(String(event)) || this.#isOurs(signal, listener)) return
    const origin = callerOf(new Error().stack ?? '')
    if (origin) this.#origins.set(listener, origin)
    // It is added right after this.
    queueMicrotask(() => this.#came(signal))
  }

  /**
   * @param isOurs not counted
   * @param came told that there is one more
   */
  constructor(
    isOurs: (signal: NodeJS.Signals, listener: Listener) => boolean,
    came: (signal: NodeJS.Signals) => void,
  ) {
    this.#isOurs = isOurs
    this.#came = came
    process.on('newListener', this.#watch)
  }

  uninstall(): void {
    process.off('newListener', this.#watch)
  }

  /** What one can know them by: their names, or how they begin, and where they come from. */
  on(signal: NodeJS.Signals): string[] {
    return this.#listeners(signal).map((one) => {
      const origin = this.#origins.get(one)
      return origin ? `${show(one)} of ${origin}` : show(one)
    })
  }

  /**
   * Takes a signal away from libraries that are known to shut down by it.
   * @returns their names
   */
  takeOver(signal: NodeJS.Signals): string[] {
    return this.#listeners(signal).flatMap((one) => {
      const library = known.find(({ is }) => is(String(one)))
      if (library) process.off(signal, one)
      return library?.name ?? []
    })
  }

  #listeners(signal: NodeJS.Signals): Listener[] {
    const all = process.listeners(signal)
    return all.filter((one) => !this.#isOurs(signal, one) && !isSignalExit(one))
  }
}

/**
 * The package signal-exit is in half of all trees. It ends the process only where nobody else handles the
 * signal, which it finds out by counting.
 */
function isSignalExit(listener: Listener): boolean {
  const text = String(listener)
  return /\.listeners\(sig\)/.test(text) && /\bcount\b/.test(text)
}

function show(listener: Listener): string {
  const { name } = listener
  if (name) return name
  const text = String(listener).replaceAll(/\s+/g, ' ')
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** The package, or the file of the app, that stands right above Node's `addListener` in a stack. */
export function callerOf(stack: string): string | undefined {
  const lines = stack.split('\n')
  const adds = lines.findIndex((line) => line.includes('_addListener (node:events'))
  for (const line of lines.slice(adds + 1)) {
    const [, place] = /(?:at |\()((?:file:\/\/|\/|[A-Z]:\\)[^()]+):\d+:\d+\)?$/.exec(line) ?? []
    if (!place) continue
    const path = place.startsWith('file:') ? fileURLToPath(place) : place
    const inside = path.replaceAll('\\', '/').split('/node_modules/').at(-1)
    if (inside === undefined || !path.includes('node_modules')) return path
    return /^(@[^/]+\/)?[^/]+/.exec(inside)?.[0] ?? path
  }
  return undefined
}

/**
 * Who else handles a signal: an app that shuts down by it, a library that does it for the app. They run
 * whatever we do, so an upgrade by such a signal would shut down a generation that still has to hand over.
 * @param ours not counted
 * @returns what one can know them by: their names, or how they begin
 */
export function othersOn(signal: NodeJS.Signals, ours: NodeJS.SignalsListener): string[] {
  return process
    .listeners(signal)
    .filter((one) => one !== ours && !isSignalExit(one))
    .map(showFunction)
}

/**
 * The package signal-exit is in half of all trees. It ends the process only where nobody else handles the
 * signal, which it finds out by counting.
 */
function isSignalExit(listener: NodeJS.SignalsListener): boolean {
  const text = String(listener)
  return /\.listeners\(sig\)/.test(text) && /\bcount\b/.test(text)
}

function showFunction(listener: NodeJS.SignalsListener): string {
  const { name } = listener
  if (name) return name
  const text = String(listener).replaceAll(/\s+/g, ' ')
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

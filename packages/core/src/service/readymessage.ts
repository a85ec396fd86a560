/**
 * `process.send('ready')`, by which apps tell pm2 that they are ready. Where nobody forked this process
 * there is no `send`: then it gets one, and no channel.
 * @param ready called at each
 */
export function hearReadyMessage(ready: () => void): void {
  const send = process.send?.bind(process)
  if (!send) Object.defineProperty(process, 'connected', { value: false, configurable: true })
  process.send = (message: unknown, ...rest: unknown[]): boolean => {
    if (message === 'ready') ready()
    if (send) return Reflect.apply(send, process, [message, ...rest])
    const sent = rest.at(-1)
    // As Node calls it: later, and with null where nothing failed.
    if (typeof sent === 'function') process.nextTick(sent, null)
    return true
  }
}

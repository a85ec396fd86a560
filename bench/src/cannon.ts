import { once } from 'node:events'
import autocannon from 'autocannon'

const connections = 50
/** It stops at its next sample. */
const sampleEvery = 20

/** autocannon on a server for as long as `during` takes. */
export async function underFire<T>(port: number, during: () => Promise<T>): Promise<T> {
  const options = {
    url: `http://127.0.0.1:${port}/`,
    connections,
    duration: 60,
    sampleInt: sampleEvery,
    bailout: 1,
  }
  const instance = autocannon(options, () => {})
  const done = once(instance, 'done') as Promise<[autocannon.Result]>
  const result = await during().finally(() => instance.stop())
  const [{ errors, non2xx }] = await done
  if (errors + non2xx > 0) throw new Error(`autocannon: ${errors} errors, ${non2xx} not 2xx`)
  return result
}

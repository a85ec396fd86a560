import { once } from 'node:events'
import autocannon from 'autocannon'

const connections = 50
/** It stops at its next sample. */
const sampleEvery = 20

/** How many answers came from whom, by the pid that is in them. */
export class Tally {
  readonly answers: Map<string, number> = new Map()

  /** A connection stays with who accepted it: its first answer says who that is. */
  count(client: autocannon.Client): void {
    let pid: string | undefined
    client.on('body', (body) => {
      pid ??= /"pid":(\d+)/.exec(body.toString())?.[1]
      if (pid !== undefined) this.answers.set(pid, (this.answers.get(pid) ?? 0) + 1)
    })
  }
}

/** autocannon on a server for as long as `during` takes. */
export async function underFire<T>(
  port: number,
  during: () => Promise<T>,
  tally?: Tally,
): Promise<T> {
  const options = {
    url: `http://127.0.0.1:${port}/`,
    connections,
    duration: 60,
    sampleInt: sampleEvery,
    bailout: 1,
    ...(tally && { setupClient: (client: autocannon.Client) => tally.count(client) }),
  }
  const instance = autocannon(options, () => {})
  const done = once(instance, 'done') as Promise<[autocannon.Result]>
  const result = await during().finally(() => instance.stop())
  const [{ errors, non2xx }] = await done
  if (errors + non2xx > 0) throw new Error(`autocannon: ${errors} errors, ${non2xx} not 2xx`)
  return result
}

import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Whether nobody holds what `make` makes, some turns of the event loop later. */
export async function isCollected(make: () => Promise<object>): Promise<boolean> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const made = new WeakRef(await make())
  for (let n = 0; n < 50 && made.deref(); n++) {
    await turn()
    gc()
  }
  return made.deref() === undefined
}

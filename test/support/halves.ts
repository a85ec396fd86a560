import { request } from './client/index.js'
import { Raw } from './raw.js'
import type { Service } from './service.js'

/** Asks in two halves with the begin of a drain between them: what is half read does not move. */
export async function askOverDrain(service: Service, text: string): Promise<Raw> {
  const raw = await Raw.open(service.port())
  raw.write(text.slice(0, 9))
  // A round trip, by whose end the first half has been read.
  await request({ target: { port: service.port() }, method: 'GET', url: '/' })
  await service.hup()
  await service.until({ event: 'drain', phase: 'start' })
  raw.write(text.slice(9))
  return raw
}

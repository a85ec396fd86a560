import { beforeAll } from 'vitest'
import { type Certificate, makeCertificate } from '../support/certificate.js'
import { type Service, temporaryDirectory } from '../support/service.js'
import { type Adapter, starter } from './adapter.js'

/** An adapter's app behind TLS. */
export interface Secure {
  /** Once a test runs. */
  certificate(): Certificate
  /** @param options of `endless()` */
  start(options?: object): Promise<Service>
}

/** With one certificate for the tests of this block. */
export function secure(adapter: Adapter, env: Readonly<Record<string, string>> = {}): Secure {
  let made: Certificate | undefined
  beforeAll(() => {
    made = makeCertificate(temporaryDirectory())
  })
  const certificate = (): Certificate => {
    if (!made) throw new Error('there is no certificate before the first test')
    return made
  }
  return {
    certificate,
    start: (options = {}) => {
      const { keyFile: KEY, certFile: CERT } = certificate()
      return starter(adapter)({ env: { KEY, CERT, ...env }, options })
    },
  }
}

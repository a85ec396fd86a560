// A certificate for localhost, signed by itself: good for these examples and nothing else. It is
// made by openssl where there is none yet, so a successor finds that of the first process.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export function certificate() {
  const keyFile = fileURLToPath(new URL('key.pem', import.meta.url))
  const certFile = fileURLToPath(new URL('cert.pem', import.meta.url))
  if (!existsSync(keyFile) || !existsSync(certFile)) {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const out = ['-keyout', keyFile, '-out', certFile, '-days', '365']
    execFileSync('openssl', ['req', '-x509', ...key, ...out, ...subject], { stdio: 'pipe' })
  }
  return { key: readFileSync(keyFile), cert: readFileSync(certFile) }
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

// Node's own stripping of types does not know it: this needs tsx.
enum Path {
  Slow = '/slow',
}

createServer((request: IncomingMessage, response: ServerResponse) => {
  const answer = (): unknown => response.end(`hello from ${process.pid}\n`)
  if (request.url === Path.Slow) setTimeout(answer, 300)
  else answer()
}).listen(process.env.PORT ?? 8000)

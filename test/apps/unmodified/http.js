import { createServer } from 'node:http'

createServer((request, response) => {
  const answer = () => response.end(`hello from ${process.pid}\n`)
  if (request.url === '/slow') setTimeout(answer, 300)
  else answer()
}).listen(process.env.PORT ?? 8000)

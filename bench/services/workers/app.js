// `app.js express`: an app that knows nothing of who runs it, with a graceful shutdown as guides have it.
// It is the same file under endless, node:cluster, pm2, and alone.
const [name] = process.argv.slice(2)
const { server } = await import(`./${name}.js`)

server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log('listening')
  process.send?.('ready')
})
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => server.close(() => process.exit()))

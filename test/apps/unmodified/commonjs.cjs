const express = require('express')

const app = express()
app.get('/', (_req, res) => res.send(`hello from ${process.pid}\n`))
app.get('/slow', (_req, res) => setTimeout(() => res.send('done\n'), 300))
app.listen(process.env.PORT ?? 8000)

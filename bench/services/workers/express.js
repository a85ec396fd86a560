// The same hello on Express.
import { createServer } from 'node:http'
import express from 'express'

const app = express()
app.get('/', (_req, res) => res.json({ hello: 'world', pid: process.pid }))

export const server = createServer(app)

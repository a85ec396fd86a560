import { subscribe } from 'node:diagnostics_channel'
import { bare as b, ours as o } from './http.js'
export const bare = b
export const empty = (a) => { subscribe('http.server.request.start', () => {}); return b(a) }
const map = new Map()
export const mapped = (a) => { subscribe('http.server.request.start', (m) => { const { request, response, socket } = m; const c = map.get(socket); if (c) c.n++ }); const s = b(a); s.prependListener('connection', (k) => map.set(k, { n: 0 })); return s }
export const timed = (a) => { subscribe('http.server.request.start', (m) => { const { request, response, socket } = m; const c = map.get(socket); if (c) { c.n++; c.at = performance.now() } }); const s = b(a); s.prependListener('connection', (k) => map.set(k, { n: 0, at: 0 })); return s }
export const ours = o

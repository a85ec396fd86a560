import { contract } from './contract/index.js'

contract({ name: 'Koa 3', env: { FRAMEWORK: 'koa', KOA: 'koa' }, http2: true })

import { contract } from './contract/index.js'

contract({ name: 'Koa 3', env: { FRAMEWORK: 'koa', KOA: 'koa' }, http2: true })
contract({ name: 'Koa 2.13', env: { FRAMEWORK: 'koa', KOA: 'koa-2-first' }, http2: true })

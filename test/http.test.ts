import { contract } from './contract/index.js'

contract({ name: 'a bare server on core', env: { FRAMEWORK: 'http' }, http2: true })

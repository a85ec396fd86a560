import { contract } from './contract/index.js'

contract({
  name: 'a bare server under endless start',
  env: { FRAMEWORK: 'http' },
  http2: true,
  supervised: true,
})

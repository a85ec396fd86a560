/** What the preload loads where the environment has something for it. */
export { takeEnvironment } from '../generation/index.js'

import { createRequire } from 'node:module'
import { EndlessError, messageOf } from '../errors.js'
import { checkUpgraderOptions, hookNames, type UpgraderOptions } from '../generation/index.js'

// Not by `import`: the hooks must be there before the server binds, within the turn in which it listens.
const require = createRequire(import.meta.url)

/** The hooks in a module such as `endless.config.js`; throws `ERR_ENDLESS_OPTION`. */
export function hooksIn(path: string): UpgraderOptions {
  try {
    const all = exportOf(require(path))
    const hooks = Object.fromEntries(hookNames.map((name) => [name, Reflect.get(all, name)]))
    checkUpgraderOptions(hooks)
    return hooks
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_OPTION',
      `${path}: expected a module that exports hooks and has no top-level await: ${messageOf(cause)}`,
      { cause },
    )
  }
}

/** `export default` of an ES module, `module.exports` of any other. */
function exportOf(loaded: unknown): object {
  const given: object = Object(loaded)
  return 'default' in given ? Object(given.default) : given
}

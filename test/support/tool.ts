import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** An executable, also where only root looks. It throws where it must be there: `TOOLS=required`. */
export function tool(name: string, debianPackage: string = name): string | undefined {
  const path = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin']
  const found = path.map((one) => join(one, name)).find(isExecutable)
  if (found === undefined && process.env.TOOLS === 'required')
    throw new Error(`install ${name}: apt-get install ${debianPackage}`)
  return found
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

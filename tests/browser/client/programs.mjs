// Finds programs.

import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

/** The first of these programs that is on the PATH. */
export function onPath(...names) {
  for (const name of names) {
    for (const folder of process.env.PATH.split(delimiter)) {
      const file = join(folder, name)
      try {
        accessSync(file, constants.X_OK)
        return file
      } catch {}
    }
  }
  throw new Error(`none of ${names.join(", ")} is on the PATH`)
}

export const chromium = () => onPath("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")

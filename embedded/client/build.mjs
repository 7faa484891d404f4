// Builds lamed.js and lamed.mjs from src/. Equal sources and an equal esbuild give equal bytes.
//
//   node build.mjs            writes them here
//   node build.mjs FOLDER     writes them there (to compare)

import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { minify } from "terser"

const here = dirname(fileURLToPath(import.meta.url))
const to = process.argv[2] ?? here
const PLACEHOLDER = "__LAMED_CONFIG__"
const LIMIT = 4000

// The page has one `lamed`, whichever script comes first.
const EXPORTS = "export const{run,complete,variant,user,consent,on}=lamed;"

const kinds = {
  "lamed.js": { format: "iife", define: { "import.meta.url": '""' } },
  "lamed.mjs": { format: "esm", footer: { js: EXPORTS } },
}

mkdirSync(to, { recursive: true })
for (const [name, options] of Object.entries(kinds)) {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [join(here, "src/index.js")],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    target: "es2018",
    charset: "utf8",
    legalComments: "none",
    logOverride: { "empty-import-meta": "silent" },
    write: false,
    ...options,
  })
  // Terser finds some 150 bytes that esbuild leaves, and 10 in the names of properties that only the script sees.
  const mangle = { properties: { regex: /^(isLate|forced|told)$/ } }
  const { code } = await minify(text, { module: options.format === "esm", ecma: 2018, compress: { passes: 3 }, mangle })
  const parts = code.trim().split(PLACEHOLDER)
  if (parts.length !== 2) throw new Error(`${name}: ${parts.length - 1} placeholders`)
  const marked = code.trim() + "\n"
  const size = gzipSync(marked, { level: 9 }).length
  if (size > LIMIT) process.exitCode = 1
  writeFileSync(join(to, name), marked)
  console.log(`${name}: ${marked.length} B, gzip -9: ${size} B of ${LIMIT}`)
}

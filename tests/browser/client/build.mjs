// The committed files are what the sources give, and small.

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import test from "node:test"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"

const client = fileURLToPath(new URL("../../../embedded/client/", import.meta.url))
const read = (folder, name) => readFileSync(join(folder, name), "utf8")

for (const name of ["lamed.js", "lamed.mjs"]) {
  test(`${name} without experiments has at most 4,000 bytes, gzipped, and one placeholder`, () => {
    const parts = read(client, name).split("__LAMED_CONFIG__")
    assert.equal(parts.length, 2)
    const served = parts.join(`{"namespace":"alephbet","window":2592000,"experiments":[]}`)
    const size = gzipSync(served, { level: 9 }).length
    assert.ok(size <= 4000, `${size} bytes`)
  })
}

test("the files are fresh", () => {
  const folder = mkdtempSync(join(tmpdir(), "lamed-"))
  try {
    execFileSync(process.execPath, [join(client, "build.mjs"), folder])
    for (const name of ["lamed.js", "lamed.mjs"]) assert.ok(read(folder, name) === read(client, name), `${name} is not what its sources give`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

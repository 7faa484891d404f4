// The pages of docs/examples, built by Vite. The example in Rust is none.

import assert from "node:assert/strict"
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import test from "node:test"
import { fileURLToPath, pathToFileURL } from "node:url"
import { visitor } from "./browsers.mjs"
import { Case, experiment } from "./server.mjs"

const COLOR = "button color"
const examples = fileURLToPath(new URL("../../../docs/examples", import.meta.url))
const modules = join(process.env.LAMED_TEST_TOOLS, "node_modules")
const { build } = await import(pathToFileURL(createRequire(join(modules, "/")).resolve("vite/package.json").replace("package.json", "dist/node/index.js")))

/** Builds an example for a site, and serves it there. */
async function publish(name, site) {
  const root = mkdtempSync(join(tmpdir(), "lamed-"))
  try {
    cpSync(join(examples, name), root, { recursive: true })
    symlinkSync(modules, join(root, "node_modules"))
    const page = join(root, "index.html")
    writeFileSync(page, readFileSync(page, "utf8").replace("https://ab.example.com/prod/", site.lamed("")))
    await build({ root, base: "./", logLevel: "error", build: { outDir: "dist" } })
    for (const file of readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })) {
      const folder = file.parentPath ?? file.path
      if (file.isFile()) site.page(join(folder, file.name).slice(join(root, "dist/").length), readFileSync(join(folder, file.name), "utf8"))
    }
  } finally {
    rmSync(root, { recursive: true })
  }
}

for (const name of readdirSync(examples).filter(name => existsSync(join(examples, name, "index.html")))) {
  test(`${name}: the example builds, shows the variant and reaches the goal`, async () => {
    const site = new Case([experiment(COLOR, { goals: [{ name: "button clicked" }] })])
    await publish(name, site)
    await visitor(async someone => {
      const seen = new Set()
      for (let visit = 0; visit < 2; visit++) {
        seen.add(await someone.visit(site.url("index.html"), async page => {
          await page.click("button")
          return page.evaluate(() => document.querySelector("button").className)
        }))
      }
      const [variant] = seen
      assert.deepEqual([...seen].length, 1)
      assert.deepEqual([await site.counts(COLOR), await site.counts(COLOR, "button clicked")], [{ [variant]: 1 }, { [variant]: 1 }])
      assert.deepEqual([someone.said, someone.errors], [[], []])
    })
    // Without the script the page works.
    await visitor(async someone => {
      const page = await someone.tab()
      await someone.block(page, "lamed.js")
      await page.goto(site.url("index.html"))
      await page.click("button")
      assert.deepEqual(someone.errors, [])
    })
  })
}

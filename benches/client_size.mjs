#!/usr/bin/env node
// How many bytes a page loads: lamed.js, and other clients for experiments as npm has them.
//
//   LAMED_TEST_TOOLS=target/test-tools benches/client_size.mjs
//
// The minified file that a package brings, or, where it brings none, what esbuild makes of it; after `gzip -9`. lamed.js is the file
// that is served, without experiments.

import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const tools = process.env.LAMED_TEST_TOOLS ?? join(root, "target/test-tools")
const esbuild = createRequire(join(tools, "node_modules/"))("esbuild")

// Name, version, and the file of a page; esbuild bundles where there is none, and minifies what is not.
const peers = [
  ["sixpack-client", "2.1.0", "sixpack.js"],
  ["alephbet", "0.27.0", "dist/alephbet.min.js"],
  ["@growthbook/growthbook", "1.8.0", "dist/bundles/auto.min.js"],
  ["@splitsoftware/splitio-browserjs", "1.7.1"],
  ["posthog-js", "1.449.2", "dist/module.slim.js"],
  ["posthog-js", "1.449.2", "dist/array.js"],
]

const folder = mkdtempSync(join(tmpdir(), "lamed-"))
try {
  writeFileSync(join(folder, "package.json"), `{"private": true}`)
  const packages = [...new Set(peers.map(([name, version]) => `${name}@${version}`))]
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", ...packages], { cwd: folder })
  const bundled = async name => {
    const options = { stdin: { contents: `import { SplitFactory } from "${name}"; window.SplitFactory = SplitFactory`, resolveDir: folder }, bundle: true, minify: true, write: false, format: "iife", logLevel: "error" }
    return (await esbuild.build(options)).outputFiles[0].text
  }
  const served = readFileSync(join(root, "embedded/client/lamed.js"), "utf8").replace("__LAMED_CONFIG__", `{"namespace":"alephbet","window":2592000,"experiments":[]}`)
  const rows = [["lamed.js", "", served]]
  for (const [name, version, file] of peers) {
    const read = file && readFileSync(join(folder, "node_modules", name, file), "utf8")
    const text = !file ? await bundled(name) : file.includes("/") ? read : esbuild.transformSync(read, { minify: true }).code
    rows.push([`${name} ${version}`, file ?? "bundled by esbuild", text])
  }
  console.log("| client | file | bytes after gzip |\n|---|---|---|")
  for (const [name, file, text] of rows) {
    const bytes = execFileSync("gzip", ["-9n"], { input: text }).length.toLocaleString("en")
    console.log(`| ${name} | ${file.endsWith(".js") ? `\`${file}\`` : file} | ${bytes} |`)
  }
} finally {
  rmSync(folder, { recursive: true })
}

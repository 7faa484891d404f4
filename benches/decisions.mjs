#!/usr/bin/env node
// How long lamed.js takes to decide 20 experiments in Chromium, for a new visitor and for one who comes back.
//
//   LAMED_TEST_TOOLS=target/test-tools benches/decisions.mjs [--visitors 200]
//
// Each page is loaded anew, so that nothing is compiled yet: what a visitor waits for. The time is that of 20 calls of
// `lamed.variant`: drawn, stored, and handed to the page.

import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

process.env.LAMED_TEST_TOOLS ??= fileURLToPath(new URL("../target/test-tools", import.meta.url))
const { values: { visitors } } = parseArgs({ options: { visitors: { type: "string", default: "200" } } })
const { browser } = await import("../tests/browser/client/browsers.mjs")
const { decisions } = await import("../tests/browser/client/decisions.mjs")

const times = await decisions(Number(visitors))
for (const [kind, list] of Object.entries(times)) {
  const at = share => `${list[Math.floor(share * (list.length - 1))].toFixed(1)} ms`
  console.log(`${kind} visitors: median ${at(0.5)}, p95 ${at(0.95)}, best ${at(0)} (${list.length} pages)`)
}
await browser.close()
process.exit()
